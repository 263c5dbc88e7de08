using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.ProjectFiles;

/// <summary>The published schema and the reader say the same: keys, which are required, and the allowed words.</summary>
public sealed class SchemaTests
{
    [Fact]
    public void Project_schema_and_reader_agree()
    {
        var asked = new List<AskedKey>();
        Assert.Empty(ProjectFileReader.Parse(Samples.Full, asked.Add).Faults);

        AssertAgree("pilothouse.schema.json", "root", asked);
    }

    [Fact]
    public void Prompt_schema_and_reader_agree()
    {
        var asked = new List<AskedKey>();
        Assert.Empty(PromptFileReader.Parse(Samples.ChatPrompt, asked.Add).Faults);

        AssertAgree("prompt.schema.json", "prompt", asked);
    }

    [Fact]
    public void Every_property_of_the_schemas_is_described()
    {
        foreach (var name in (string[])["pilothouse.schema.json", "prompt.schema.json"])
        {
            using var schema = Load(name);
            foreach (var (section, properties) in Sections(schema.RootElement, "root"))
            {
                foreach (var property in properties.GetProperty("properties").EnumerateObject().Where(p => !p.Value.TryGetProperty("$ref", out _)))
                    Assert.True(property.Value.TryGetProperty("description", out _), $"{name}: {section}.{property.Name} has no description");
            }
        }
    }

    private static void AssertAgree(string file, string rootName, List<AskedKey> asked)
    {
        using var schema = Load(file);
        var published = Sections(schema.RootElement, rootName).SelectMany(s =>
        {
            var required = s.Value.GetProperty("required").EnumerateArray().Select(r => r.GetString()!).ToHashSet();
            return s.Value.GetProperty("properties").EnumerateObject().Select(p => Line(s.Key, p.Name, required.Contains(p.Name), Words(p.Value)));
        });
        var read = asked.Select(a => Line(a.Section, a.Key, a.Required, a.Key == "apiVersion" ? [ProjectFile.SupportedApiVersion] : a.Allowed)).Distinct();

        Assert.Equal(published.Order(StringComparer.Ordinal), read.Order(StringComparer.Ordinal));
    }

    private static string Line(string section, string key, bool required, IEnumerable<string> words) =>
        $"{section}.{key}{(required ? "!" : "")} {string.Join('|', words)}";

    private static IEnumerable<string> Words(JsonElement property) =>
        property.TryGetProperty("enum", out var words) ? words.EnumerateArray().Select(w => w.GetString()!) : [];

    private static Dictionary<string, JsonElement> Sections(JsonElement root, string rootName) =>
        root.GetProperty("$defs").EnumerateObject().ToDictionary(p => p.Name, p => p.Value)
            .Append(new(rootName, root)).ToDictionary();

    private static JsonDocument Load(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestPaths.RepositoryRoot, "docs", "schema", name)));
}
