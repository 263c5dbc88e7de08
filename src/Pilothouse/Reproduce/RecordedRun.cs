using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Client.Capture;
using Pilothouse.Commands;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Reproduce;

/// <summary>Everything that was recorded of a run and is needed to repeat it.</summary>
/// <param name="Environment">Null when it was not captured.</param>
internal sealed record RecordedRun(RunDetail Detail, HostEnvironment? Environment, byte[]? Diff, byte[]? UntrackedContent, IReadOnlyList<string> Untracked, string? LockText, RunInputs? Inputs)
{
    private const string CommitTag = "mlflow.source.git.commit";

    public RunSummary Run => Detail.Run;

    public string? Commit => Tag(CommitTag) is { Length: 40 } commit ? commit : null;

    public string? Remote => Tag("mlflow.source.git.repoURL");

    public bool IsDirty => Tag("pilothouse.git.dirty") == "true";

    public bool DiffWasCut => Tag("pilothouse.git.diff") is not null;

    public string Prefix => Tag(ReproductionTags.Prefix) ?? "";

    public IReadOnlyList<string> Outputs => Tag(ReproductionTags.Outputs)?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];

    public int? ExitCode => int.TryParse(Tag(RunTags.ExitCode), out var code) ? code : null;

    public static async Task<RecordedRun> LoadAsync(PilothouseClient client, string runId, CancellationToken ct)
    {
        var detail = await client.GetRunAsync(runId, ct);
        if (detail.Run.Status == "RUNNING") throw new UsageException($"The run {detail.Run.Name} still runs. Wait for its end.");
        var id = detail.Run.Id;
        var lockText = await client.ReadArtifactAsync(id, ReproductionTags.LockFile, ct);
        var untracked = await client.ReadArtifactAsync(id, ReproductionTags.UntrackedFile, ct);
        return new RecordedRun(detail, Read<HostEnvironment>(await client.ReadArtifactAsync(id, ReproductionTags.EnvironmentFile, ct), ReproductionTags.EnvironmentFile),
            await client.ReadArtifactAsync(id, ReproductionTags.DiffFile, ct), await client.ReadArtifactAsync(id, ReproductionTags.UntrackedContent, ct),
            untracked is null ? [] : System.Text.Encoding.UTF8.GetString(untracked).Split('\n', StringSplitOptions.RemoveEmptyEntries),
            lockText is null ? null : System.Text.Encoding.UTF8.GetString(lockText), Read<RunInputs>(await client.ReadArtifactAsync(id, ReproductionTags.InputsFile, ct), ReproductionTags.InputsFile));
    }

    public LockFile? Lock() => LockText is null ? null : LockFileReader.Parse(LockText).File;

    private string? Tag(string name) => Run.Tags.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;

    private static T? Read<T>(byte[]? json, string name) where T : class
    {
        if (json is null) return null;
        try
        {
            return JsonSerializer.Deserialize<T>(json, PilothouseClient.Json);
        }
        catch (JsonException e)
        {
            throw new UsageException($"{name} of the run cannot be read: {e.Message}");
        }
    }
}
