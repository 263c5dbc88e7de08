using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>MLflow's <c>registered-models/*</c>: models and prompts, their tags and aliases.</summary>
internal sealed class MlflowModelService(RegistryStore store, RegistryAnnouncer announcer, ILineage lineage, TimeProvider time)
{
    public async Task<ObjectRow> CreateAsync(string name, List<MlflowPair> tags, string? description, string actor, CancellationToken ct)
    {
        MlflowRules.RequireName(name);
        MlflowRules.RequireDescription(description);
        tags = MlflowRules.RequireTags(tags);
        var type = MlflowPrompts.AreOfPrompt(tags) ? ObjectType.Prompt : ObjectType.Model;
        var stored = MlflowPrompts.Stored(tags);
        var (taken, other) = type == ObjectType.Prompt ? (ObjectType.Model, "registered model") : (ObjectType.Prompt, "prompt");
        if (await store.FindAsync(taken, name, ct) is not null)
            throw new PilothouseException(ErrorCode.AlreadyExists, $"The name '{name}' is taken by a {other}. MLflow does not allow a model and a prompt of the same name.");
        if (!await store.CreateAsync(type, name, type == ObjectType.Prompt ? ObjectType.Prompt : ModelFormat.Mlflow, description, stored, actor, time.NowMs(), ct))
            throw new PilothouseException(ErrorCode.AlreadyExists, $"Registered Model (name={name}) already exists.");
        await announcer.CreatedAsync(type, name, description, stored, ct);
        return await GetAsync(name, ct);
    }

    public async Task<ObjectRow> GetAsync(string name, CancellationToken ct)
    {
        MlflowRules.RequireName(name);
        return await store.FindAnyAsync(name, ct) ?? throw MlflowRules.Missing(name);
    }

    /// <param name="description">Null = not sent, which removes it in MLflow, as an empty one does.</param>
    public async Task<ObjectRow> DescribeAsync(string name, string? description, string actor, CancellationToken ct)
    {
        MlflowRules.RequireDescription(description);
        var type = await TypeAsync(name, ct);
        if (!await store.DescribeAsync(type, name, description, actor, time.NowMs(), ct)) throw MlflowRules.Missing(name);
        return await GetAsync(name, ct);
    }

    public async Task<ObjectRow> RenameAsync(string name, string newName, string actor, CancellationToken ct)
    {
        var type = await TypeAsync(name, ct);
        MlflowRules.RequireName(newName);
        if (newName != name && await store.TypeOfAsync(newName, ct) is not null) throw new PilothouseException(ErrorCode.AlreadyExists, $"Registered Model (name={newName}) already exists.");
        if (!await store.RenameAsync(type, name, newName, actor, time.NowMs(), ct)) throw MlflowRules.Missing(name);
        return await GetAsync(newName, ct);
    }

    /// <exception cref="PilothouseException">FailedPrecondition: a release or deployment stands on one of its versions.</exception>
    public async Task DeleteAsync(string name, string actor, CancellationToken ct)
    {
        var type = await TypeAsync(name, ct);
        var versions = await store.VersionsAsync(type, name, ct);
        await lineage.RequireFreeAsync([.. versions.Select(v => LineageNode.Version(type, v.Name, v.Version))], $"The {type} '{name}'", ct);
        if (!await store.DeleteAsync(type, name, actor, time.NowMs(), ct)) throw MlflowRules.Missing(name);
    }

    public async Task SetTagAsync(string name, MlflowPair tag, string actor, CancellationToken ct)
    {
        MlflowRules.RequireTag(tag);
        var type = await TypeAsync(name, ct);
        if (MlflowPrompts.IsSettled(type, null, tag.Key, tag.Value)) return;
        if (!await store.SetTagAsync(type, name, 0, tag, actor, ct)) throw MlflowRules.Missing(name);
        await announcer.TagAsync(type, name, 0, tag.Key, tag.Value, ct);
    }

    /// <summary>A tag that is not there is no fault.</summary>
    public async Task DeleteTagAsync(string name, string key, string actor, CancellationToken ct)
    {
        MlflowRules.RequireNoNul(key, "key");
        var type = await TypeAsync(name, ct);
        MlflowPrompts.IsSettled(type, null, key, null);
        if (await store.DeleteTagAsync(type, name, 0, key, actor, ct) ?? throw MlflowRules.Missing(name)) await announcer.TagAsync(type, name, 0, key, null, ct);
    }

    public async Task SetAliasAsync(string name, string alias, string version, string actor, CancellationToken ct)
    {
        MlflowRules.RequireAlias(alias);
        var number = MlflowRules.ParseVersion(version);
        var type = await store.TypeOfAsync(name, ct) ?? throw MlflowRules.Missing(name, number);
        if (!await store.SetAliasAsync(type, name, alias, number, new MoveCause(actor, null, MoveCause.Set), time.NowMs(), ct)) throw MlflowRules.Missing(name, number);
        await announcer.AliasAsync(type, name, alias, number, ct);
    }

    /// <summary>An alias that is not there is no fault.</summary>
    public async Task DeleteAliasAsync(string name, string alias, string actor, CancellationToken ct)
    {
        MlflowRules.RequireNoNul(alias, "alias");
        var type = await TypeAsync(name, ct);
        if (await store.DeleteAliasAsync(type, name, alias, new MoveCause(actor, null, MoveCause.Delete), time.NowMs(), ct)) await announcer.AliasAsync(type, name, alias, null, ct);
    }

    /// <summary>The version an alias points to; <c>latest</c> is the newest.</summary>
    public async Task<VersionRow> GetByAliasAsync(string name, string alias, CancellationToken ct)
    {
        MlflowRules.RequireNoNul(alias, "alias");
        var type = await TypeAsync(name, ct);
        if (MlflowRules.IsLatest(alias))
            return await store.FindVersionAsync(type, name, null, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"'{name}' has no version.");
        var version = await store.AliasAsync(type, name, alias, ct) ?? throw MlflowRules.Invalid($"Registered model alias {RegistryRules.Shorten(alias)} not found.");
        return await store.FindVersionAsync(type, name, version, ct) ?? throw MlflowRules.Missing(name, version);
    }

    /// <param name="stages">None = all.</param>
    public async Task<IReadOnlyList<VersionRow>> LatestAsync(string name, IReadOnlyList<string> stages, CancellationToken ct)
    {
        var row = await GetAsync(name, ct);
        var asked = stages.Select(MlflowRules.RequireStage).ToHashSet();
        return [.. row.Latest.Where(v => asked.Count == 0 || asked.Contains(v.Stage))];
    }

    private async Task<string> TypeAsync(string name, CancellationToken ct)
    {
        MlflowRules.RequireName(name);
        return await store.TypeOfAsync(name, ct) ?? throw MlflowRules.Missing(name);
    }
}
