using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>The <c>meta.yaml</c> files of an <c>mlruns</c> folder: a flat mapping such as <c>run_id: 4f1c...</c>, <c>status: 3</c>, with <c>tags</c> below it in some.</summary>
public static class MlflowMetaFile
{
    /// <returns>Scalars by name; those of a mapping below by <c>tags.key</c>. Null values are left out.</returns>
    /// <exception cref="ProtocolFormatException">Not a YAML mapping.</exception>
    public static IReadOnlyDictionary<string, string> Read(string text)
    {
        YamlNode? root;
        try
        {
            root = YamlTree.Parse(text);
        }
        catch (YamlFaultException e)
        {
            throw new ProtocolFormatException(e.Message);
        }
        if (root is not YamlMapping mapping) throw new ProtocolFormatException("meta.yaml does not hold a mapping.");
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in mapping.Entries)
        {
            if (entry.Value is YamlScalar { IsNull: false } scalar) values[entry.Key.Text] = scalar.Text;
            if (entry.Value is not YamlMapping below) continue;
            foreach (var inner in below.Entries)
                if (inner.Value is YamlScalar { IsNull: false } value) values[$"{entry.Key.Text}.{inner.Key.Text}"] = value.Text;
        }
        return values;
    }
}
