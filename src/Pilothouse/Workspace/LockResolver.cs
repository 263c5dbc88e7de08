using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Commands;
using Pilothouse.Datasets;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Workspace;

/// <summary>Finds out what pilothouse.yaml means now. What the lock has pinned already is kept, and then no server is asked: registered versions never change.</summary>
internal sealed class LockResolver(WorkTree tree, PilothouseClient client)
{
    private IReadOnlyList<DatasetVersion>? _datasets;

    /// <param name="update">Names of models whose alias, and that of their prompt, is looked up again; null = of none, empty = of all.</param>
    /// <exception cref="UsageException">Something that pilothouse.yaml names is not there.</exception>
    public async Task<LockFile> ResolveAsync(ProjectFile project, LockFile before, IReadOnlyList<string>? update, CancellationToken ct)
    {
        var unknown = (update ?? []).FirstOrDefault(u => !project.Models.ContainsKey(u) && !project.Data.ContainsKey(u));
        if (unknown is not null) throw new UsageException($"pilothouse.yaml has no model or data set '{unknown}'; there are: {string.Join(", ", project.Models.Keys.Concat(project.Data.Keys))}.");
        var content = await TreeContents.ReadAsync(tree, project, before, ct);
        var absent = LockNeeds.Paths(project).Where(p => !content.ContainsKey(p)).ToList();
        if (absent.Count > 0) throw new UsageException($"pilothouse.yaml names {string.Join(", ", absent)}, which {(absent.Count == 1 ? "is" : "are")} not there. Add the file, fetch it (pilothouse sync), or correct the path.");
        var entries = before.Entries.Where(e => e.Kind is LockKind.File or LockKind.Folder).Concat(LockNeeds.Local(project, content)).ToList();
        foreach (var (name, model) in project.Models) entries.Add(await ModelAsync(name, model, before.Find(LockKind.Model, name), update is not null && (update.Count == 0 || update.Contains(name)), ct));
        foreach (var prompt in LockNeeds.RegisteredPrompts(project))
            entries.Add(await PromptAsync(prompt, before.Find(LockKind.Prompt, prompt), update is not null && (update.Count == 0 || project.Models.Any(m => m.Value.RegisteredPrompt == prompt && update.Contains(m.Key))), ct));
        foreach (var (name, data) in project.Data.Where(d => d.Value.Dataset is not null)) entries.Add(await DataAsync(name, data, before.Find(LockKind.Data, name), ct));
        return LockFile.Create(entries);
    }

    private async Task<LockEntry> ModelAsync(string name, ModelEntry model, LockEntry? before, bool update, CancellationToken ct)
    {
        if (model.Engine == ModelEngine.OpenAi) return new LockEntry(LockKind.Model, name) { Reference = $"{model.Url}#{model.UpstreamModel ?? name}" };
        var follows = model.Alias is null ? null : "@" + model.Alias;
        if (before is not null && Fits(before, model) && !(update && follows is not null)) return before with { Follows = follows, Checkout = model.Checkout };
        var version = model.Version is { } number ? await client.GetModelVersionAsync($"models:/{model.RegisteredName}/{number.ToString(CultureInfo.InvariantCulture)}", ct)
            : model.Alias is { } alias ? await client.GetModelVersionAsync($"models:/{model.RegisteredName}@{alias}", ct)
            : (await client.ListModelVersionsAsync(model.RegisteredName, ct)).FirstOrDefault(v => v.Digest == model.Digest)
                ?? throw new UsageException($"pilothouse.yaml:{model.Source.Line}: no version of '{model.RegisteredName}' has the digest {model.Digest}. Register it, or correct models.{name}.digest.");
        if (version.Digest is null) throw new UsageException($"The files of {version.Reference} are not on the server but at {version.Source}; they cannot be pinned.");
        if (model.Digest is { } wanted && wanted != version.Digest) throw new UsageException($"pilothouse.yaml:{model.Source.Line}: {version.Reference} has the digest {version.Digest}, models.{name}.digest says {wanted}. Correct one of the two.");
        var files = ContentManifest.Create(version.Files.Select(f => new ContentFile(f.Path, f.Size, Digest.Parse(f.Digest))));
        return new LockEntry(LockKind.Model, name) { Reference = version.Reference, Follows = follows, Checkout = model.Checkout, Digest = files.Digest, Size = files.TotalSize, Files = files.Files };
    }

    /// <param name="prompt">As pilothouse.yaml names it.</param>
    private async Task<LockEntry> PromptAsync(string prompt, LockEntry? before, bool update, CancellationToken ct)
    {
        if (LockNeeds.IsPinOf(before, prompt) && !update) return before!;
        var version = await client.GetPromptAsync(prompt, ct);
        return new LockEntry(LockKind.Prompt, prompt) { Reference = version.Reference, Digest = Digest.Parse(version.Digest) };
    }

    private static bool Fits(LockEntry before, ModelEntry model)
    {
        if (!RegistryReference.TryParse(before.Reference, RegistryReference.Models, out var reference) || reference.Name != model.RegisteredName) return false;
        if (model.Alias is not null) return before.Follows == "@" + model.Alias;
        return (model.Version is null || model.Version == reference.Version) && (model.Digest is null || model.Digest == before.Digest.ToString());
    }

    private async Task<LockEntry> DataAsync(string name, DataEntry data, LockEntry? before, CancellationToken ct)
    {
        var reference = data.Reference!;
        if (before?.Reference == reference && before.Checkout is null == data.Checkout is null) return before with { Checkout = data.Checkout };
        _datasets ??= await client.ListDatasetsAsync(ct);
        var version = _datasets.FirstOrDefault(d => d.Name == data.Dataset && d.Version == data.Version)
            ?? throw new UsageException($"pilothouse.yaml:{data.Source.Line}: {reference} is not registered. Register it ('pilothouse dataset register'), or correct data.{name}.");
        var files = version.Files.Where(f => data.Split is null || DataFiles.SplitOf(f.Path) == data.Split).ToList();
        if (data.Split is not null && files.Count == 0)
            throw new UsageException($"pilothouse.yaml:{data.Source.Line}: {version.Reference} has no split '{data.Split}'; {(version.Splits.Count == 0 ? "it has none" : $"it has {string.Join(", ", version.Splits.Select(s => s.Name))}")}.");
        // A folder is put into the tree: the lock says which files, as of a model.
        if (data.Checkout is not null && files.Count > 1)
        {
            var folder = ContentManifest.Create(files.Select(f => new ContentFile(f.Path, f.Size, Digest.Parse(f.Digest))));
            return new LockEntry(LockKind.Data, name) { Reference = reference, Checkout = data.Checkout, Digest = folder.Digest, Size = folder.TotalSize, Files = folder.Files };
        }
        // Several files have the digest of the version, under which the server keeps the list of them.
        var (digest, size) = files is [var only] ? (only.Digest, only.Size) : (version.Digest, version.Size);
        return new LockEntry(LockKind.Data, name) { Reference = reference, Digest = Digest.Parse(digest), Size = size, Checkout = data.Checkout };
    }
}

/// <summary>What the files of the tree hold that a project names.</summary>
internal static class TreeContents
{
    public static Task<Dictionary<string, TreeContent>> ReadAsync(WorkTree tree, ProjectFile project, LockFile lockFile, CancellationToken ct) =>
        ReadAsync(tree, new TreeScan(tree, StatIndex.Load(tree.IndexPath)), project, lockFile, ct);

    public static async Task<Dictionary<string, TreeContent>> ReadAsync(WorkTree tree, TreeScan scan, ProjectFile project, LockFile lockFile, CancellationToken ct)
    {
        var contents = new Dictionary<string, TreeContent>(StringComparer.Ordinal);
        foreach (var path in LockNeeds.Paths(project))
        {
            if (await scan.ContentAsync(path, ct) is not { } found)
            {
                // Tracked, and not fetched here: the lock itself says what it is.
                if (await TrackedAsync(lockFile, path, ct) is { } tracked) contents[path] = tracked;
                continue;
            }
            contents[path] = found.Stat.Size <= LfsPointer.MaxBytes && LfsPointer.TryParse(await File.ReadAllBytesAsync(tree.Full(path), ct)) is { } pointer ? new TreeContent(Digest.Parse("sha256:" + pointer.Oid), pointer.Size)
                : new TreeContent(found.Content.ToDigest(), found.Stat.Size);
        }
        return contents;
    }

    private static async Task<TreeContent?> TrackedAsync(LockFile lockFile, string path, CancellationToken ct)
    {
        if (lockFile.TrackerOf(path) is not { } tracker) return null;
        if (tracker.Kind == LockKind.File) return new TreeContent(tracker.Digest, tracker.Size);
        var list = await TreePlan.ListAsync(tracker, ContentCache.Default(), null, ct);
        return list?.FirstOrDefault(f => f.Path == path) is { Path: not null } found ? new TreeContent(found.File.Content.ToDigest(), found.File.Size) : null;
    }
}
