using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>What <c>model-versions/create</c> asks for.</summary>
internal sealed record NewMlflowVersion(string Name, string Source, string? RunId, List<MlflowPair> Tags, string? RunLink, string? Description, string? ModelId);

/// <summary>MLflow's <c>model-versions/*</c>: versions of models and of prompts.</summary>
internal sealed class MlflowVersionService(RegistryStore store, VersionSource sources, ILoggedModels loggedModels, IBlobStore blobs, RegistryAnnouncer announcer, ILineage lineage, TimeProvider time)
{
    public async Task<VersionRow> CreateAsync(NewMlflowVersion asked, string actor, CancellationToken ct)
    {
        MlflowRules.RequireName(asked.Name);
        MlflowRules.RequireDescription(asked.Description);
        if (asked.Source.Length > MlflowRules.MaxSource) throw Names.TooLong("source", MlflowRules.MaxSource);
        foreach (var (text, parameter) in (ReadOnlySpan<(string?, string)>)[(asked.Source, "source"), (asked.RunLink, "run_link"), (asked.ModelId, "model_id")]) MlflowRules.RequireNoNul(text, parameter);
        if (asked.RunId is { Length: > 0 } runId) MlflowRules.RequireRunId(runId);
        var tags = MlflowRules.RequireTags(asked.Tags);
        var type = await store.TypeOfAsync(asked.Name, ct);
        var isPrompt = type == ObjectType.Prompt || type is null && MlflowPrompts.AreOfPrompt(tags);
        if (type == ObjectType.Model && MlflowPrompts.AreOfPrompt(tags)) throw MlflowRules.Invalid($"'{asked.Name}' is a registered model; a prompt version does not belong to it. Register the prompt under another name.");

        var draft = new VersionRow
        {
            Type = isPrompt ? ObjectType.Prompt : ObjectType.Model,
            Name = asked.Name,
            Kind = ModelFormat.Mlflow,
            Source = asked.Source,
            RunId = Sent(asked.RunId),
            RunLink = Sent(asked.RunLink),
            ModelId = Sent(asked.ModelId),
            Description = asked.Description,
            Tags = isPrompt ? MlflowPrompts.Stored(tags) : tags,
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        };
        draft = isPrompt ? MlflowPrompts.Describe(draft, tags) : await sources.ResolveAsync(draft, ct);
        var added = await store.AddAsync(draft, (session, number) => draft.ModelId is { } model ? loggedModels.AddVersionAsync(session, model, draft.Name, number) : Task.CompletedTask, ct)
            ?? throw MlflowRules.Missing(asked.Name);
        await announcer.RegisteredAsync(added, newObject: false, ct);
        return added;
    }

    public async Task<VersionRow> GetAsync(string name, string version, CancellationToken ct)
    {
        var number = MlflowRules.ParseVersion(version);
        return await store.FindVersionAsync(await TypeAsync(name, number, ct), name, number, ct) ?? throw MlflowRules.Missing(name, number);
    }

    public async Task<VersionRow> DescribeAsync(string name, string version, string? description, string actor, CancellationToken ct)
    {
        MlflowRules.RequireDescription(description);
        var number = MlflowRules.ParseVersion(version);
        if (!await store.DescribeVersionAsync(await TypeAsync(name, number, ct), name, number, description, actor, time.NowMs(), ct)) throw MlflowRules.Missing(name, number);
        return await GetAsync(name, version, ct);
    }

    public async Task<VersionRow> SetStageAsync(string name, string version, string stage, bool archiveOthers, string actor, CancellationToken ct)
    {
        var number = MlflowRules.ParseVersion(version);
        stage = MlflowRules.RequireStage(stage);
        if (archiveOthers && stage is not (Stage.Staging or Stage.Production))
            throw MlflowRules.Invalid($"archive_existing_versions applies to the stages Staging and Production, not to {stage}: versions cannot be archived to make room there.");
        if (!await store.SetStageAsync(await TypeAsync(name, number, ct), name, number, stage, archiveOthers, new MoveCause(actor, null, MoveCause.Set), time.NowMs(), ct)) throw MlflowRules.Missing(name, number);
        return await GetAsync(name, version, ct);
    }

    /// <exception cref="PilothouseException">FailedPrecondition: a release or deployment stands on it.</exception>
    public async Task DeleteAsync(string name, string version, string actor, CancellationToken ct)
    {
        var number = MlflowRules.ParseVersion(version);
        var type = await TypeAsync(name, number, ct);
        await lineage.RequireFreeAsync([LineageNode.Version(type, name, number)], $"Version {number} of the {type} '{name}'", ct);
        if (!await store.DeleteVersionAsync(type, name, number, new MoveCause(actor, null, MoveCause.Delete), unpointed: false, time.NowMs(), ct)) throw MlflowRules.Missing(name, number);
    }

    public async Task SetTagAsync(string name, string version, MlflowPair tag, string actor, CancellationToken ct)
    {
        MlflowRules.RequireTag(tag);
        var row = await GetAsync(name, version, ct);
        if (MlflowPrompts.IsSettled(row.Type, row, tag.Key, tag.Value)) return;
        if (!await store.SetTagAsync(row.Type, name, row.Version, tag, actor, ct)) throw MlflowRules.Missing(name, row.Version);
        await announcer.TagAsync(row.Type, name, row.Version, tag.Key, tag.Value, ct);
    }

    /// <summary>A tag that is not there is no fault.</summary>
    public async Task DeleteTagAsync(string name, string version, string key, string actor, CancellationToken ct)
    {
        MlflowRules.RequireNoNul(key, "key");
        var row = await GetAsync(name, version, ct);
        MlflowPrompts.IsSettled(row.Type, row, key, null);
        if (await store.DeleteTagAsync(row.Type, name, row.Version, key, actor, ct) ?? throw MlflowRules.Missing(name, row.Version)) await announcer.TagAsync(row.Type, name, row.Version, key, null, ct);
    }

    /// <summary>The bytes of one file of a version.</summary>
    public async Task<(Stream Content, string Digest)> OpenAsync(string name, string version, string path, CancellationToken ct)
    {
        if (!Protocols.Artifacts.ContentManifest.IsValidPath(path)) throw MlflowRules.Invalid("Invalid path");
        var row = await GetAsync(name, version, ct);
        var file = await sources.FindFileAsync(row, path, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"Version {row.Version} of '{name}' has no file '{RegistryRules.Shorten(path)}'.");
        return (await blobs.OpenReadAsync(file.Digest, ct), file.Digest);
    }

    private async Task<string> TypeAsync(string name, long version, CancellationToken ct)
    {
        MlflowRules.RequireName(name);
        return await store.TypeOfAsync(name, ct) ?? throw MlflowRules.Missing(name, version);
    }

    private static string? Sent(string? text) => text is "" ? null : text;
}
