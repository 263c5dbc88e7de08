using System.Globalization;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Diffs;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

internal sealed class ReleaseDiffService(ReleaseService releases, IModelDiffs models, IPromptDiffs prompts, ISuites suites, IDatasets datasets, IRepositories repositories, IBlobStore blobs) : IReleaseDiff
{
    private const int MaxCommits = 100;

    /// <summary>Changes of a suite that are told.</summary>
    private const int MaxKeys = 8;
    private const int MaxLog = 2_000;
    private const int MaxPrompt = 1024 * 1024;

    public async Task<ReleaseDiff> CompareAsync(string from, string to, CancellationToken ct)
    {
        var (a, b) = (await releases.FindAsync(from, ct), await releases.FindAsync(to, ct));
        if (a.Project != b.Project) throw new PilothouseException(ErrorCode.InvalidArgument, $"The releases are of two projects, '{a.Project}' and '{b.Project}': they have nothing to compare.");
        var components = await ComponentsAsync(a, b, ct);
        var parameters = await ParametersAsync(a, b, ct);
        var (commits, backwards) = await CommitsAsync(a, b, ct);
        var changed = components.Where(c => c.Change != "same" && c.Type is not ("code" or "config")).ToList();
        var summary = a.Digest == b.Digest ? "The same release." : string.Join("; ", [
            changed.Count == 0 ? "the same models, prompts and data" : string.Join(", ", changed.GroupBy(c => c.Type).Select(g => $"{g.Count()} {g.Key}{(g.Count() == 1 ? "" : "s")} changed")),
            .. parameters.Count > 0 ? [$"{parameters.Count} setting{(parameters.Count == 1 ? "" : "s")} changed"] : Array.Empty<string>(),
            commits.Count == 0 ? "the same commit" : $"{commits.Count}{(commits.Count == MaxCommits ? " or more" : "")} commit{(commits.Count == 1 ? "" : "s")} {(backwards ? "back" : "on")}"]);
        var lines = Lines(components, parameters, commits, backwards).ToList();
        return new ReleaseDiff(a.Digest, b.Digest, summary, [summary, .. lines], components, parameters, commits, backwards);
    }

    private async Task<List<ComponentChange>> ComponentsAsync(StoredRelease a, StoredRelease b, CancellationToken ct)
    {
        var (left, right) = (a.Components.ToDictionary(c => (c.Type, c.Name)), b.Components.ToDictionary(c => (c.Type, c.Name)));
        var changes = new List<ComponentChange>();
        foreach (var key in left.Keys.Union(right.Keys).OrderBy(k => k.Type, StringComparer.Ordinal).ThenBy(k => k.Name, StringComparer.Ordinal))
        {
            var (x, y) = (left.GetValueOrDefault(key), right.GetValueOrDefault(key));
            var change = x is null ? "added" : y is null ? "removed" : x.Digest == y.Digest ? "same" : "changed";
            var entry = new ComponentChange(key.Type, key.Name, change, x?.Reference, y?.Reference, x?.Digest, y?.Digest, null);
            changes.Add(change == "changed" ? await InsideAsync(entry, ct) : entry);
        }
        return changes;
    }

    private async Task<ComponentChange> InsideAsync(ComponentChange change, CancellationToken ct)
    {
        try
        {
            if (change.Type == "model" && change.FromReference!.StartsWith("models:/", StringComparison.Ordinal) && change.ToReference!.StartsWith("models:/", StringComparison.Ordinal))
            {
                var model = await models.CompareAsync(change.FromReference, change.ToReference, DiffDepth.Quick, ct);
                return change with { Model = model, Detail = model.Summary };
            }
            if (change.Type == "prompt")
            {
                var prompt = prompts.CompareFiles(change.Name, await TextAsync(change.FromDigest!, ct), change.Name, await TextAsync(change.ToDigest!, ct));
                return change with { Prompt = prompt, Detail = prompt.Summary };
            }
            if (change.Type == "suite") return change with { Detail = await SuiteAsync(change.FromReference!, change.ToReference!, ct) };
            if (change.Type == "dataset" && await VersionAsync(change.FromReference!, ct) is { } before && await VersionAsync(change.ToReference!, ct) is { } after)
                return change with { Detail = string.Create(CultureInfo.InvariantCulture, $"{before.Rows} rows became {after.Rows}") };
        }
        catch (PilothouseException e)
        {
            return change with { Detail = $"It cannot be looked into: {e.Message}" };
        }
        return change;
    }

    /// <summary>What a suite asks and demands, key by key, and its cases.</summary>
    private async Task<string> SuiteAsync(string from, string to, CancellationToken ct)
    {
        async Task<SuiteVersion> Suite(string reference) => RegistryReference.TryParse(reference, RegistryReference.Suites, out var r) ? await suites.GetAsync(r.Name, r.Version, ct) : throw new PilothouseException(ErrorCode.NotFound, $"'{reference}' is not a suite.");
        var (a, b) = (await Suite(from), await Suite(to));
        var keys = JsonKeys.Compare(JsonKeys.Of(a.Definition), JsonKeys.Of(b.Definition)).Select(c => $"{c.Key} {c.From ?? "(none)"} -> {c.To ?? "(none)"}").ToList();
        if (a.DataDigest != b.DataDigest) keys.Insert(0, a.Cases == b.Cases ? $"other cases ({b.Cases})" : $"{a.Cases} cases became {b.Cases}");
        return string.Join("; ", keys.Take(MaxKeys)) + (keys.Count > MaxKeys ? $" and {keys.Count - MaxKeys} more" : "");
    }

    /// <returns>Null when it is a file of the commit.</returns>
    private async Task<DatasetVersion?> VersionAsync(string reference, CancellationToken ct)
    {
        if (reference.Split('#') is not [var name, .. var split] || !RegistryReference.TryParse(name, RegistryReference.Datasets, out var parsed)) return null;
        return (await datasets.GetAsync(parsed.Name, parsed.Version, ct)).OfSplit(split is [var only] ? only : null);
    }

    private async Task<string> TextAsync(string digest, CancellationToken ct) => Encoding.UTF8.GetString(await blobs.ReadAsync(digest, MaxPrompt, ct));

    /// <summary>Settings of the project file: everything in it but what the components say better.</summary>
    private async Task<List<KeyChange>> ParametersAsync(StoredRelease a, StoredRelease b, CancellationToken ct)
    {
        var (x, y) = (await SettingsAsync(a, ct), await SettingsAsync(b, ct));
        return x is null || y is null ? [] : [.. JsonKeys.Compare(x, y).Select(c => new KeyChange(ComponentResolver.ProjectFileName, c.Key, c.From, c.To))];
    }

    private async Task<IReadOnlyDictionary<string, string>?> SettingsAsync(StoredRelease release, CancellationToken ct)
    {
        if (release.Components.FirstOrDefault(c => c.Type == "config" && c.Name == ComponentResolver.ProjectFileName) is not { } config || await blobs.FindAsync(config.Digest, ct) is null) return null;
        if (ProjectFileReader.Parse(await TextAsync(config.Digest, ct)).File is not { } file) return null;
        return JsonKeys.Of(JsonSerializer.SerializeToElement(new
        {
            models = file.Models.ToDictionary(m => m.Key, m => new { kind = $"{m.Value.Kind}", engine = $"{m.Value.Engine}", url = m.Value.Url, prompt = m.Value.Prompt ?? m.Value.RegisteredPrompt, parameters = m.Value.Parameters }),
            environments = file.Environments.ToDictionary(e => e.Key, e => new { target = $"{e.Value.Target}", steps = string.Join(", ", e.Value.Rollout.Steps), interval = $"{e.Value.Rollout.Interval}", min_requests = e.Value.Rollout.MinRequests, monitors = string.Join(", ", e.Value.Rollout.Monitors) }),
            suites = file.Suites.ToDictionary(s => s.Key, s => new { data = s.Value.Data, scorers = s.Value.Scorers.Select(c => c.ToString()), gates = s.Value.Gates.Select(g => $"{g.Type} {g.Scorer} margin {g.Margin} min {g.Min} confidence {g.Confidence}{(g.Role == GateRole.Primary ? "" : $" {g.Role}")}") }),
        }));
    }

    private async Task<(List<ReleaseCommit> Commits, bool Backwards)> CommitsAsync(StoredRelease a, StoredRelease b, CancellationToken ct)
    {
        if (a.Commit == b.Commit) return ([], false);
        try
        {
            var backwards = await repositories.MergeBaseAsync(a.Project, a.Commit, b.Commit, ct) == b.Commit;
            var (newer, older) = backwards ? (a.Commit, b.Commit) : (b.Commit, a.Commit);
            var known = (await repositories.LogAsync(a.Project, older, MaxLog, ct)).Select(c => c.Id).ToHashSet(StringComparer.Ordinal);
            var log = (await repositories.LogAsync(a.Project, newer, MaxLog, ct)).TakeWhile(c => !known.Contains(c.Id)).Take(MaxCommits);
            return ([.. log.Select(c => new ReleaseCommit(c.Id, c.Author, c.TimeMs, c.Subject))], backwards);
        }
        catch (PilothouseException)
        {
            return ([], false); // the repository is gone; what was released is still known
        }
    }

    private static IEnumerable<string> Lines(List<ComponentChange> components, List<KeyChange> parameters, List<ReleaseCommit> commits, bool backwards)
    {
        foreach (var c in components.Where(c => c.Change != "same" && c.Type is not ("code" or "config")))
        {
            yield return c.Change switch
            {
                "added" => $"+ {c.Type} {c.Name} {c.ToReference}",
                "removed" => $"- {c.Type} {c.Name} {c.FromReference}",
                _ => $"~ {c.Type} {c.Name} {(c.FromReference == c.ToReference || c.Type == "prompt" && c.ToReference?.StartsWith("git:", StringComparison.Ordinal) == true ? "" : $"{c.FromReference} -> {c.ToReference}")}{(c.Detail is { } detail ? $": {detail}" : "")}",
            };
            if (c.Prompt is { } prompt)
                foreach (var line in DiffLines.Of(prompt).Skip(1).Take(30)) yield return "  " + line;
        }
        foreach (var line in DiffLines.Of(parameters)) yield return line.TrimStart();
        foreach (var commit in commits.Take(20)) yield return $"{(backwards ? "-" : "+")} commit {commit.Id[..Math.Min(12, commit.Id.Length)]} {commit.Subject} ({commit.Author})";
        if (commits.Count > 20) yield return $"... and {commits.Count - 20} more commits";
    }
}
