using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary>Recordings of evaluations on disk: <c>DIR/recording.jsonl</c>.</summary>
internal static class Recordings
{
    private const string FileName = "recording.jsonl";

    /// <summary>Puts the recording of a directory on the server.</summary>
    /// <returns>Its digest; null without a directory.</returns>
    public static async Task<string?> UploadAsync(PilothouseClient client, DirectoryInfo? directory, CancellationToken ct)
    {
        if (directory is null) return null;
        var path = Path.Combine(directory.FullName, FileName);
        if (!File.Exists(path)) throw new UsageException($"There is no {FileName} in {directory.FullName}. Make one: pilothouse test --record {directory.Name}.");
        return (await client.UploadFileAsync(path, ct)).Digest;
    }

    public static async Task SaveAsync(PilothouseClient client, EvaluationDetail evaluation, DirectoryInfo? directory, CancellationToken ct)
    {
        if (directory is null) return;
        if (evaluation.Recording is not { } digest)
        {
            await Console.Error.WriteLineAsync("Nothing was recorded: the evaluation did not finish.");
            return;
        }
        directory.Create();
        var path = Path.Combine(directory.FullName, FileName);
        await client.DownloadFileAsync(Digest.Parse(digest), path, ct);
        Console.WriteLine($"recorded: {path} ({digest})");
    }
}
