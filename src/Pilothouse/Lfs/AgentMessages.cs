using System.Text.Json;
using System.Text.Json.Serialization;
using Pilothouse.Protocols.Lfs;

namespace Pilothouse.Lfs;

/// <summary>One line from git-lfs (its docs/custom-transfers.md), e.g. <c>{"event":"upload","oid":"...","size":12,"path":"/x","action":{...}}</c>.</summary>
internal sealed record AgentRequest
{
    public string Event { get; init; } = "";
    public string? Operation { get; init; }
    public string? Remote { get; init; }
    public string? Oid { get; init; }
    public long Size { get; init; }
    public string? Path { get; init; }
    public LfsAction? Action { get; init; }
}

internal sealed record AgentError(int Code, string Message);

internal sealed record AgentProgress(string Oid, [property: JsonPropertyName("bytesSoFar")] long BytesSoFar, [property: JsonPropertyName("bytesSinceLast")] long BytesSinceLast)
{
    public string Event => "progress";
}

internal sealed record AgentComplete(string Oid, string? Path, AgentError? Error)
{
    public string Event => "complete";
}

internal sealed record AgentReady(AgentError? Error);

/// <summary>Lines of JSON to git-lfs; written whole, from whatever thread.</summary>
internal sealed class AgentOutput(TextWriter output)
{
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private readonly Lock _gate = new();

    public void Write<T>(T message)
    {
        var line = JsonSerializer.Serialize(message, Json);
        lock (_gate)
        {
            output.Write(line + "\n");
            output.Flush();
        }
    }
}
