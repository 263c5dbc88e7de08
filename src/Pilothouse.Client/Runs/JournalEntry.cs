using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Client.Runs;

/// <summary>
/// One line of a run's journal: <c>{"k":"metric","n":"loss","d":0.5,"t":1767225600000,"s":3}</c>, <c>{"k":"param","n":"lr","v":"0.1"}</c>,
/// <c>{"k":"file","n":"model/w.bin","v":"files/1"}</c>, <c>{"k":"end","n":"FINISHED","t":1767225600000}</c>.
/// </summary>
internal sealed record JournalEntry(
    [property: JsonPropertyName("k")] string Kind,
    [property: JsonPropertyName("n")] string Name,
    [property: JsonPropertyName("v")] string? Text = null,
    [property: JsonPropertyName("d")] double? Value = null,
    [property: JsonPropertyName("t")] long? TimeMs = null,
    [property: JsonPropertyName("s")] long? Step = null)
{
    public const string Metric = "metric";
    public const string Param = "param";
    public const string Tag = "tag";
    /// <summary>A file kept in the buffer; <see cref="Text"/> is its name there.</summary>
    public const string File = "file";
    public const string End = "end";

    private static readonly JsonSerializerOptions Options = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public byte[] ToLine() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Options), (byte)'\n'];

    /// <returns>Null when the line is not an entry (a disk that lost power).</returns>
    public static JournalEntry? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize<JournalEntry>(line, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
