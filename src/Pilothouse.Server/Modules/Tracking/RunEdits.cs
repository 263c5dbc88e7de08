using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Changes by hand, by the same rules as those of the protocol.</summary>
internal sealed class RunEdits(RunService runs) : IRunEdits
{
    private const int MaxName = 500;

    public Task RenameAsync(string runId, string name, CancellationToken ct) => name.Trim() is { Length: > 0 and <= MaxName } clean ? runs.UpdateAsync(runId, null, null, clean, ct)
        : throw new PilothouseException(ErrorCode.InvalidArgument, $"A run's name has 1 to {MaxName} characters.");

    public async Task SetTagAsync(string runId, string key, string value, CancellationToken ct)
    {
        if (key.Trim() is not { Length: > 0 } clean) throw new PilothouseException(ErrorCode.InvalidArgument, "A tag needs a name.");
        if (value.Length > Names.MaxTagValue) throw new PilothouseException(ErrorCode.TooLarge, $"The value has {value.Length} characters; {Names.MaxTagValue} is the limit. Store long text as an artifact.");
        if (value.Length > 0) await runs.SetTagAsync(runId, new MlflowPair(clean, value), ct);
        else if ((await runs.GetAsync(runId, ct)).Tags.Any(t => t.Key == clean)) await runs.DeleteTagAsync(runId, clean, ct);
    }

    public Task DeleteAsync(string runId, CancellationToken ct) => runs.DeleteAsync(runId, ct);

    public Task RestoreAsync(string runId, CancellationToken ct) => runs.RestoreAsync(runId, ct);
}
