using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Datasets;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Rows of a suite: of a data set, of the suite itself, or of a built-in pack.</summary>
internal sealed class SuiteRows(IProjectContent content)
{
    /// <summary>Messages before the input of one case.</summary>
    private const int MaxMessages = 200;

    public Task<DataSubject> OfAsync(string project, string commit, ProjectFile file, string suite, SuiteEntry entry, CancellationToken ct)
    {
        if (entry.Pack is { } pack)
        {
            var rows = RedTeamPacks.Rows(pack);
            return Task.FromResult(new DataSubject($"pack {pack}", Digest(rows), RowReader.Read(rows, $"pack {pack}", RowFormat.Jsonl)));
        }
        if (entry.Cases.Count == 0) return content.DataAsync(project, commit, entry.Data, file.Data[entry.Data], ct);
        var lines = Encoding.UTF8.GetBytes(string.Join('\n', entry.Cases.Select(c => c.Json)));
        var name = $"pilothouse.yaml, suites.{suite}.cases";
        return Task.FromResult(new DataSubject(name, Digest(lines), [.. RowReader.Read(lines, name, RowFormat.Jsonl).Select((row, i) => row with { Line = entry.Cases[i].Line })]));
    }

    /// <summary>The conversation before the input: <c>[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]</c>.</summary>
    /// <exception cref="PilothouseException">InvalidArgument: the field is not such a list; names file and line.</exception>
    public static IReadOnlyList<ChatTurn> History(DataSubject data, DataRow row, string? field)
    {
        if (field is null || row.Text(field) is not { } text) return [];
        PilothouseException Bad(string what) => new(ErrorCode.InvalidArgument, $"{data.Reference}, line {row.Line}: the field '{field}' {what}. Write [{{\"role\": \"user\", \"content\": \"...\"}}, ...].");
        JsonElement list;
        try
        {
            list = JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            throw Bad("is not a list of messages");
        }
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > MaxMessages) throw Bad($"is not a list of at most {MaxMessages} messages");
        var turns = new List<ChatTurn>();
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.Object || !one.TryGetProperty("role", out var role) || !one.TryGetProperty("content", out var said) || said.ValueKind != JsonValueKind.String) throw Bad("has a message without role and content");
            if (role.ValueKind != JsonValueKind.String || role.GetString() is not ("system" or "user" or "assistant")) throw Bad("has a role that is not system, user or assistant");
            turns.Add(new ChatTurn(role.GetString()!, said.GetString()!));
        }
        return turns;
    }

    private static string Digest(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
}
