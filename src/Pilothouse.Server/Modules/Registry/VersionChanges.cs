using Pilothouse.Protocols.Diffs;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>What changes when a pointer goes from one version to another, in lines.</summary>
internal sealed class VersionChanges(IModelDiffs models, IPromptDiffs prompts, RegistryStore store)
{
    private const int MaxLines = 60;

    /// <returns>Lines, and the whole document when there is one.</returns>
    public async Task<(IReadOnlyList<string> Lines, object? Detail)> ExplainAsync(string type, string name, long? from, long? to, CancellationToken ct)
    {
        if (from is null || to is null || from == to) return ([], null);
        var lines = new List<string>();
        foreach (var version in (long[])[from.Value, to.Value])
        {
            if (await store.FindVersionAsync(type, name, version, ct) is { } row)
                lines.Add($"version {version}: registered {DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedMs):yyyy-MM-dd HH:mm}Z by {row.CreatedBy}{(row.Description is { Length: > 0 } text ? $", \"{RegistryRules.Shorten(text)}\"" : "")}");
        }
        try
        {
            if (type == ObjectType.Prompt)
            {
                var prompt = await prompts.CompareAsync($"prompts:/{name}/{from}", $"prompts:/{name}/{to}", ct);
                return ([.. lines, .. DiffLines.Of(prompt).Take(MaxLines)], prompt);
            }
            var model = await models.CompareAsync($"models:/{name}/{from}", $"models:/{name}/{to}", DiffDepth.Quick, ct);
            return ([.. lines, .. DiffLines.Of(model).Take(MaxLines)], model);
        }
        catch (PilothouseException e)
        {
            // What cannot be compared must not keep anybody from going back.
            return ([.. lines, $"The difference cannot be shown: {e.Message}"], null);
        }
    }
}
