using System.Globalization;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using ArtifactFile = Pilothouse.Protocols.V1.ArtifactFile;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// Follows the <c>source</c> of a version to the files behind it: <c>runs:/ID/path</c>, <c>models:/m-ID</c>, <c>models:/NAME/VERSION</c>, <c>mlflow-artifacts:/...</c>. Files that this
/// server holds become the version's content.
/// </summary>
internal sealed class VersionSource(RegistryStore store, IRuns runs, ILoggedModels loggedModels, IArtifacts artifacts, IBlobStore blobs)
{
    private const string Runs = "runs:/";
    private const string Models = "models:/";

    /// <summary>Fills location, run, kind, digest and files of the draft.</summary>
    /// <exception cref="PilothouseException">InvalidArgument: a source that MLflow refuses too. NotFound: it names a model that is not here.</exception>
    public async Task<VersionRow> ResolveAsync(VersionRow draft, CancellationToken ct)
    {
        var source = draft.Source!;
        if (source.StartsWith(Models, StringComparison.Ordinal)) return await FromModelAsync(draft, source[Models.Length..], ct);
        if (source.StartsWith(Runs, StringComparison.Ordinal)) return await WithContentAsync(draft with { Location = await OfRunAsync(source, ct) }, ct);
        await RequireSafeAsync(source, draft, ct);
        return await WithContentAsync(draft with { Location = source }, ct);
    }

    /// <summary>A file of the version: from its content, or, when it has none, from where its source points now.</summary>
    /// <returns>Null when there is none of that path.</returns>
    public async Task<ArtifactFile?> FindFileAsync(VersionRow version, string path, CancellationToken ct)
    {
        if (version.Digest is not null) return WireJson.Read<List<ArtifactFile>>(version.Files).Find(f => f.Path == path);
        if (version.Location is not { } location) return null;
        return await artifacts.TreeAsync(location, ct) is { } tree ? tree.Where(f => f.Path == path).Select(f => new ArtifactFile(f.Path, f.Digest, f.Size)).FirstOrDefault()
            : throw new PilothouseException(ErrorCode.Unsupported, $"The files of this version are at {RegistryRules.Shorten(location)}, which this server does not hold. Use that store's own client.");
    }

    private async Task<VersionRow> FromModelAsync(VersionRow draft, string rest, CancellationToken ct)
    {
        if (!rest.ContainsAny('/', '@'))
        {
            var model = await loggedModels.FindAsync(rest, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"Logged model with id '{RegistryRules.Shorten(rest)}' not found");
            return await WithContentAsync(draft with { Location = model.ArtifactUri, ModelId = draft.ModelId ?? rest, RunId = draft.RunId ?? (model.SourceRunId.Length > 0 ? model.SourceRunId : null) }, ct);
        }
        var copied = await ReferencedAsync(rest, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no model version '{Models}{RegistryRules.Shorten(rest)}' to copy.");
        return draft with { Location = copied.DownloadUri(), Kind = copied.Kind, Digest = copied.Digest, Size = copied.Size, Files = copied.Files, Datasets = copied.Datasets, Project = copied.Project, CommitId = copied.CommitId };
    }

    /// <summary>NAME/VERSION, NAME/STAGE, NAME/latest or NAME@ALIAS.</summary>
    private async Task<VersionRow?> ReferencedAsync(string rest, CancellationToken ct)
    {
        var cut = rest.LastIndexOfAny(['/', '@']);
        var (name, target) = (rest[..cut], rest[(cut + 1)..]);
        MlflowRules.RequireName(name);
        if (await store.CurrentNameAsync(ObjectType.Model, name, ct) is not { } current) return null;
        if (rest[cut] == '@') return await store.AliasAsync(ObjectType.Model, current, target, ct) is { } pointed ? await store.FindVersionAsync(ObjectType.Model, current, pointed, ct) : null;
        if (long.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return await store.FindVersionAsync(ObjectType.Model, current, number, ct);
        if (target == "latest") return await store.FindVersionAsync(ObjectType.Model, current, null, ct);
        var stage = MlflowRules.RequireStage(target);
        return (await store.FindAsync(ObjectType.Model, current, ct))?.Latest.Find(v => v.Stage == stage);
    }

    /// <summary><c>runs:/4f1c.../model</c> lies below the artifacts of that run.</summary>
    private async Task<string> OfRunAsync(string source, CancellationToken ct)
    {
        var rest = source[Runs.Length..].Trim('/');
        var cut = rest.IndexOf('/', StringComparison.Ordinal);
        var path = cut < 0 ? "" : rest[(cut + 1)..];
        if (!IsPlainPath(path)) throw Refused(source);
        var run = await runs.GetAsync(cut < 0 ? rest : rest[..cut], ct);
        return path.Length == 0 ? run.ArtifactUri : $"{run.ArtifactUri.TrimEnd('/')}/{path}";
    }

    /// <summary>
    /// MLflow's rules against reading a server's own files: an absolute path without <c>..</c>, plain or escaped; a local path only below the artifacts of the run or
    /// logged model that is named with it.
    /// </summary>
    private async Task RequireSafeAsync(string source, VersionRow draft, CancellationToken ct)
    {
        var colon = source.IndexOf(':', StringComparison.Ordinal);
        var scheme = colon > 1 ? source[..colon] : "";
        var path = source[(scheme.Length == 0 ? 0 : colon + 1)..];
        if (path.StartsWith("//", StringComparison.Ordinal) && scheme != "file")
            path = path.IndexOf('/', 2) is > 0 and var slash ? path[slash..] : "";
        if (path.IndexOfAny(['?', '#']) is >= 0 and var end) path = path[..end];
        if (!path.StartsWith('/') || !IsPlainPath(path.Trim('/'))) throw Refused(source);
        if (scheme is not ("" or "file")) return;
        var local = path.TrimStart('/');
        if (draft.ModelId is { } modelId && await loggedModels.FindAsync(modelId, ct) is { } model && IsBelow(local, model.ArtifactUri)) return;
        if (draft.RunId is { } runId && IsBelow(local, (await runs.GetAsync(runId, ct)).ArtifactUri)) return;
        throw MlflowRules.Invalid($"Invalid model version source: '{RegistryRules.Shorten(source)}'. A local path must lie in the artifact directory of the run or logged model that is given with it.");
    }

    private static bool IsBelow(string path, string directory)
    {
        var root = (directory.StartsWith("file:", StringComparison.Ordinal) ? directory["file:".Length..] : directory).Trim('/');
        return directory.StartsWith('/') || directory.StartsWith("file:", StringComparison.Ordinal) ? path == root || path.StartsWith(root + "/", StringComparison.Ordinal) : false;
    }

    /// <summary>No <c>.</c> or <c>..</c> on the way, however often it was escaped.</summary>
    private static bool IsPlainPath(string path)
    {
        for (var round = 0; round < 3; round++, path = Uri.UnescapeDataString(path))
            if (path.Split('/', '\\').Any(part => part is "." or "..") || path.Any(char.IsControl)) return false;
        return true;
    }

    private async Task<VersionRow> WithContentAsync(VersionRow draft, CancellationToken ct)
    {
        if (await artifacts.TreeAsync(draft.Location!, ct) is not { Count: > 0 and <= ModelService.MaxFiles } tree) return draft;
        var files = tree.Where(f => ContentManifest.IsValidPath(f.Path)).Select(f => new ArtifactFile(f.Path, f.Digest, f.Size)).ToList();
        if (files.Count != tree.Count) return draft; // a name that cannot lie on every disk: recorded by its address alone
        var manifest = ModelService.Manifest(files);
        return draft with
        {
            Kind = await ModelFormat.DetectAsync(files, blobs, ct),
            Digest = manifest.Digest.ToString(),
            Size = manifest.TotalSize,
            Files = WireJson.Write(manifest.Files.Select(f => new ArtifactFile(f.Path, f.Digest.ToString(), f.Size))),
        };
    }

    private static PilothouseException Refused(string source) => MlflowRules.Invalid($"Invalid model version source: '{RegistryRules.Shorten(source)}'. An absolute path must be provided, without relative path references.");
}
