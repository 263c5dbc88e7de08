using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>
/// One recorded exchange of MLflow's client and server: a line of a <c>.jsonl</c> file beside the repository (its README has the format). Values that the server chose are
/// placeholders, <c>${run_id:1}</c>.
/// </summary>
internal sealed record Exchange(JsonElement Root)
{
    public int Number => Root.GetProperty("n").GetInt32();

    public JsonElement Request => Root.GetProperty("request");

    public JsonElement Response => Root.GetProperty("response");

    public string Method => Request.GetProperty("method").GetString()!;

    public string Path => Request.GetProperty("path").GetString()!;

    public int Status => Response.GetProperty("status").GetInt32();

    /// <summary>Sent for its effect only; the recorded answer is not to be compared.</summary>
    public bool Skipped => Root.TryGetProperty("skip", out _);

    public IEnumerable<(string Key, JsonElement Value)> Query =>
        Request.TryGetProperty("query", out var pairs) ? pairs.EnumerateArray().Select(p => (p[0].GetString()!, p[1])) : [];

    public JsonElement? RequestBody => Request.TryGetProperty("body", out var body) && body.ValueKind == JsonValueKind.Object ? body : null;

    public JsonElement? ResponseBody => Response.TryGetProperty("body", out var body) && body.ValueKind == JsonValueKind.Object ? body : null;

    /// <summary>Lists without an order in this answer alone, such as <c>$.runs</c>.</summary>
    public IReadOnlyList<string> Unordered => Response.TryGetProperty("unordered", out var list) ? [.. list.EnumerateArray().Select(e => e.GetString()!)] : [];

    public static IEnumerable<Exchange> Read(string path) =>
        File.ReadLines(path).Skip(1).Select(line => new Exchange(MlflowBody.Parse(Encoding.UTF8.GetBytes(line)))); // requests hold bare NaN and Infinity
}
