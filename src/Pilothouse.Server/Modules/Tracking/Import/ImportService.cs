using System.Globalization;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Import;

/// <summary>Takes what another store holds, with its own ids and times. Every call may come twice: what is here already stays as it is.</summary>
internal sealed class ImportService(ImportStore store, ExperimentStore experiments, IAuditLog audit, IEventBus events, TimeProvider time)
{
    private const int MaxId = 64;
    private const int MaxPairs = 10_000;
    private const int MaxKey = 1000;

    /// <summary>Characters: longer than any MLflow server stores.</summary>
    private const int MaxValue = 1024 * 1024;

    public async Task<ImportedExperiment> PutExperimentAsync(ImportExperiment experiment, string actor, CancellationToken ct)
    {
        if (experiment.Name.Length is 0 or > Names.MaxExperimentName) throw Invalid($"An experiment has a name of 1 to {Names.MaxExperimentName} characters.");
        CheckStage(experiment.LifecycleStage);
        Check("tags", experiment.Tags);
        if (await experiments.FindAsync(experiment.Name, ct) is { } held)
        {
            await store.AddExperimentTagsAsync(held.Id, experiment.Tags, ct);
            return new ImportedExperiment(Text(held.Id), false);
        }
        var id = await store.AddExperimentAsync(experiment, (session, number) =>
            audit.AppendAsync(session, new AuditEvent(actor, "experiment.import", $"experiments/{Text(number)}", new { experiment.Name, experiment.LifecycleStage })), ct);
        return new ImportedExperiment(Text(id), true);
    }

    public async Task<ImportedRun> PutRunAsync(string id, ImportRun run, CancellationToken ct)
    {
        CheckId(id);
        CheckStatus(run.Status);
        Check("tags", run.Tags);
        Check("params", run.Params);
        var owner = await OwnerAsync(run.ExperimentId, ct);
        var tags = new Dictionary<string, string>(run.Tags);
        var name = run.Name.Length > 0 ? run.Name : tags.GetValueOrDefault(MlflowNames.RunNameTag) is { Length: > 0 } tagged ? tagged : RunNames.For(id);
        tags[MlflowNames.RunNameTag] = name;
        var fresh = new RunStore.RunRow
        {
            Id = id,
            Experiment = owner.Id,
            Name = name,
            UserId = run.User,
            Status = run.Status,
            StartMs = run.StartMs,
            EndMs = run.EndMs,
            ArtifactUri = run.ArtifactUri ?? $"{owner.ArtifactLocation}/{id}/artifacts",
        };
        var answer = await store.PutRunAsync(id, fresh, run with { Tags = tags }, ct);
        if (answer.Created) await events.PublishAsync(new RunChanged(id, run.Status), ct);
        return answer;
    }

    public Task EndRunAsync(string id, ImportEnd end, CancellationToken ct)
    {
        CheckStatus(end.Status);
        CheckStage(end.LifecycleStage);
        return store.EndRunAsync(id, end, time.NowMs(), ct);
    }

    public async Task<ImportedModel> PutModelAsync(string id, ImportModel model, CancellationToken ct)
    {
        CheckId(id);
        CheckStage(model.LifecycleStage);
        Check("tags", model.Tags);
        Check("params", model.Params);
        var status = Array.IndexOf(MlflowNames.ModelStatus, model.Status) + 1;
        if (status == 0) throw Invalid($"'{model.Status}' is not a status of a logged model: {string.Join(", ", MlflowNames.ModelStatus)}.");
        var owner = await OwnerAsync(model.ExperimentId, ct);
        var fresh = new LoggedModelStore.ModelRow
        {
            Id = id,
            Experiment = owner.Id,
            Name = model.Name,
            ModelType = model.ModelType,
            SourceRun = model.SourceRunId,
            Status = status,
            Lifecycle = model.LifecycleStage,
            ArtifactUri = model.ArtifactUri ?? $"{owner.ArtifactLocation}/models/{id}/artifacts",
            CreatedMs = model.CreatedMs,
            UpdatedMs = model.UpdatedMs,
        };
        return await store.PutModelAsync(fresh, Pairs(model.Params), Pairs(model.Tags), ct);
    }

    public Task RecordAsync(ImportSummary summary, string actor, CancellationToken ct) =>
        audit.AppendAsync(new AuditEvent(actor, "tracking.import", "import", new { summary.Source, summary.Imported, summary.Skipped }), ct);

    private async Task<ExperimentStore.ExperimentRow> OwnerAsync(string experimentId, CancellationToken ct) =>
        await experiments.FindAsync(ExperimentService.ParseId(experimentId), ct) ?? throw ExperimentService.Missing(experimentId);

    private static List<MlflowPair> Pairs(IReadOnlyDictionary<string, string> pairs) => [.. pairs.Select(p => new MlflowPair(p.Key, p.Value))];

    private static void CheckId(string id)
    {
        if (id.Length is 0 or > MaxId || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')) throw Invalid($"'{id}' is not an id: 1 to {MaxId} letters, digits, '-' or '_'.");
    }

    private static void CheckStatus(string status)
    {
        if (!MlflowNames.RunStatus.Contains(status)) throw Invalid($"'{status}' is not a status of a run: {string.Join(", ", MlflowNames.RunStatus)}.");
    }

    private static void CheckStage(string stage)
    {
        if (stage is not (Lifecycle.Active or Lifecycle.Deleted)) throw Invalid($"'{stage}' is not a life cycle stage: active or deleted.");
    }

    private static void Check(string what, IReadOnlyDictionary<string, string> pairs)
    {
        if (pairs.Count > MaxPairs) throw Invalid($"{pairs.Count} {what}; {MaxPairs} are taken at most.");
        foreach (var (key, value) in pairs)
        {
            if (key.Length is 0 or > MaxKey || key.Contains('\0', StringComparison.Ordinal)) throw Invalid($"A key of {what} has 1 to {MaxKey} characters, none of them NUL.");
            if (value is null || value.Length > MaxValue || value.Contains('\0', StringComparison.Ordinal)) throw Invalid($"The value of '{key}' in {what} has {MaxValue} characters at most, none of them NUL.");
        }
    }

    private static string Text(long id) => id.ToString(CultureInfo.InvariantCulture);

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
