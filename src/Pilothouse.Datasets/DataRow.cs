using System.Text.Json;

namespace Pilothouse.Datasets;

/// <summary>One row of a data set.</summary>
/// <param name="Line">Line in the file where it begins, from 1.</param>
/// <param name="Fields">Its fields in the order of the file.</param>
public sealed record DataRow(int Line, IReadOnlyList<KeyValuePair<string, JsonElement>> Fields)
{
    /// <summary>Text of a field: strings as they are, numbers and objects as JSON. Null when it is absent or null.</summary>
    public string? Text(string field)
    {
        foreach (var (name, value) in Fields)
            if (name == field) return Text(value);
        return null;
    }

    public bool Has(string field) => Fields.Any(f => f.Key == field);

    /// <summary>The row with a field set, at its place or at the end.</summary>
    public DataRow With(string field, JsonElement value)
    {
        var at = Fields.ToList().FindIndex(f => f.Key == field);
        var entry = KeyValuePair.Create(field, value);
        return this with { Fields = at < 0 ? [.. Fields, entry] : [.. Fields.Take(at), entry, .. Fields.Skip(at + 1)] };
    }

    public DataRow With(string field, string value) => With(field, JsonSerializer.SerializeToElement(value));

    internal static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        _ => value.GetRawText(),
    };
}
