using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Versions of another registry, with their own numbers, times and stages.</summary>
internal sealed class VersionImport(RegistryStore store, VersionSource sources, ILoggedModels loggedModels)
{
    private const string LoggedModelSource = "models:/m-";

    /// <summary>Adds the version, or leaves the one that has its number.</summary>
    /// <exception cref="PilothouseException">NotFound: no such model.</exception>
    public async Task<ImportedVersion> PutAsync(ImportVersion given, string actor, CancellationToken ct)
    {
        MlflowRules.RequireName(given.Name);
        if (given.Version < 1) throw MlflowRules.Invalid($"Version {given.Version} is not a version: they count from 1.");
        var type = await store.TypeOfAsync(given.Name, ct) ?? throw MlflowRules.Missing(given.Name);
        if (await store.FindVersionAsync(type, given.Name, given.Version, ct) is { } held) return new ImportedVersion(false, held.Digest is not null);
        List<MlflowPair> tags = [.. given.Tags.Select(t => new MlflowPair(t.Key, t.Value))];
        var draft = new VersionRow
        {
            Type = type,
            Name = given.Name,
            Version = given.Version,
            Kind = ModelFormat.Mlflow,
            Source = given.Source,
            RunId = given.RunId is "" ? null : given.RunId,
            RunLink = given.RunLink is "" ? null : given.RunLink,
            ModelId = given.Source.StartsWith(LoggedModelSource, StringComparison.Ordinal) ? given.Source["models:/".Length..] : null,
            Description = given.Description,
            Stage = MlflowRules.RequireStage(given.Stage),
            Tags = type == ObjectType.Prompt ? MlflowPrompts.Stored(tags) : tags,
            CreatedBy = given.User is { Length: > 0 } user ? user : actor,
            CreatedMs = given.CreatedMs,
            UpdatedMs = given.UpdatedMs,
        };
        draft = type == ObjectType.Prompt ? MlflowPrompts.Describe(draft, tags) : await WithFilesAsync(draft, ct);
        var added = await store.AddAsync(draft, (session, number) => draft.ModelId is { } model ? loggedModels.AddVersionAsync(session, model, draft.Name, number) : Task.CompletedTask, ct)
            ?? throw MlflowRules.Missing(given.Name);
        return new ImportedVersion(true, added.Digest is not null);
    }

    /// <summary>A source that cannot be followed here is kept as it was written: the version is recorded, without its files.</summary>
    private async Task<VersionRow> WithFilesAsync(VersionRow draft, CancellationToken ct)
    {
        try
        {
            return await sources.ResolveAsync(draft, ct);
        }
        catch (PilothouseException e) when (e.Code is ErrorCode.InvalidArgument or ErrorCode.NotFound or ErrorCode.Unsupported)
        {
            return draft with { Location = draft.Source };
        }
    }
}
