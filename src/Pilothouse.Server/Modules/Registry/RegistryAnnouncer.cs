using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Tells the modules above what has changed, once it is durable.</summary>
internal sealed class RegistryAnnouncer(IEventBus events)
{
    public ValueTask CreatedAsync(string type, string name, string? description, IEnumerable<MlflowPair> tags, CancellationToken ct) =>
        SendAsync(type, RegistryChange.Created, name, e => e with { Description = description, Tags = tags.ToDictionary(t => t.Key, t => t.Value) }, ct);

    public async ValueTask RegisteredAsync(VersionRow version, bool newObject, CancellationToken ct)
    {
        if (newObject) await CreatedAsync(version.Type, version.Name, null, [], ct);
        await SendAsync(version.Type, RegistryChange.VersionCreated, version.Name, e => e with
        {
            Version = (int)version.Version,
            Source = version.ToMlflow().Source,
            RunId = version.RunId,
            Description = version.Description,
            Template = version.Type == ObjectType.Prompt ? MlflowPrompts.TextOf(version) : null,
            Tags = version.Tags.ToDictionary(t => t.Key, t => t.Value),
        }, ct);
    }

    /// <param name="version">0 = a tag of the object.</param>
    /// <param name="value">Null = the tag was deleted.</param>
    public ValueTask TagAsync(string type, string name, long version, string key, string? value, CancellationToken ct) =>
        SendAsync(type, (version, value) switch
        {
            (0, null) => RegistryChange.TagDeleted,
            (0, _) => RegistryChange.TagSet,
            (_, null) => RegistryChange.VersionTagDeleted,
            _ => RegistryChange.VersionTagSet,
        }, name, e => e with { Version = version == 0 ? null : (int)version, Key = key, Value = value }, ct);

    /// <param name="version">Null = the alias was deleted.</param>
    public ValueTask AliasAsync(string type, string name, string alias, long? version, CancellationToken ct) =>
        SendAsync(type, version is null ? RegistryChange.AliasDeleted : RegistryChange.AliasSet, name, e => e with { Alias = alias, Version = (int?)version }, ct);

    private ValueTask SendAsync(string type, RegistryChange change, string name, Func<RegistryChanged, RegistryChanged> with, CancellationToken ct) =>
        events.PublishAsync(with(new RegistryChanged(type == ObjectType.Prompt, change, name)), ct);
}
