using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.EventFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Artifacts behind <c>mlflow-artifacts:/</c>: paths here, bytes in the blob store.</summary>
internal sealed class ArtifactService(ArtifactStore store, RunStore runs, LoggedModelStore models, IBlobStore blobs, IEnumerable<IArtifactMount> mounts, EventArtifacts eventFiles, TimeProvider time) : IArtifacts
{
    /// <summary>Entries of one listing; more come with the page token.</summary>
    public const int MaxListing = 10_000;

    /// <summary>Files of one tree, and entries of a listing without pages.</summary>
    public const int MaxTree = 100_000;

    private const string Scheme = "mlflow-artifacts:";

    public async Task PutAsync(string path, Stream content, CancellationToken ct)
    {
        path = Clean(path);
        if (path.Length == 0) throw InvalidPath();
        mounts.RefuseWrite(path);
        var blob = await blobs.PutAsync(content, null, ct);
        await store.PutAsync(path, blob.Digest, blob.Size, time.NowMs(), ct);
        await eventFiles.StoredAsync(path, blob.Digest, ct);
    }

    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task<(Stream Content, string Digest)> OpenAsync(string path, CancellationToken ct)
    {
        var file = await FindAsync(Clean(path), ct);
        if (file is null) throw new PilothouseException(ErrorCode.NotFound, $"There is no artifact '{path}' on this server.");
        if (file.Digest is null) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{path}' is a directory. List it, and download its files one by one.");
        return (await blobs.OpenReadAsync(file.Digest, ct), file.Digest);
    }

    /// <summary>Size of a file in bytes; null when there is none.</summary>
    public async Task<long?> SizeAsync(string path, CancellationToken ct) => (await FindAsync(Clean(path), ct))?.Size;

    /// <summary>Whether the artifacts below this URI are on this server.</summary>
    public static bool Holds(string artifactUri) => artifactUri.StartsWith(Scheme, StringComparison.Ordinal);

    public Task DeleteAsync(string path, CancellationToken ct)
    {
        path = Clean(path);
        if (path.Length == 0) throw InvalidPath();
        mounts.RefuseWrite(path);
        return store.DeleteAsync(path, time.NowMs(), ct);
    }

    /// <summary>Base names below a directory of the proxy. The protocol has no pages here, so a directory is listed whole or not at all.</summary>
    public async Task<MlflowArtifacts> ListAsync(string path, CancellationToken ct)
    {
        path = Clean(path);
        if (await mounts.FindAsync(path, ct) is { } mounted) return new MlflowArtifacts(null, Children(mounted), null);
        var rows = await store.ListAsync(path, "", MaxTree + 1, ct);
        if (rows.Count > MaxTree) throw TooMany(path);
        return new MlflowArtifacts(null, rows.ConvertAll(row => ToInfo(row, row.Path[(row.Path.LastIndexOf('/') + 1)..])), null);
    }

    /// <summary>Paths relative to the run's artifacts.</summary>
    public async Task<MlflowArtifacts> ListRunAsync(string runId, string path, string? pageToken, CancellationToken ct) => await ListBelowAsync((await runs.HeadAsync(runId, ct)).ArtifactUri, path, pageToken, ct);

    /// <summary>Paths relative to the model's artifacts.</summary>
    public async Task<MlflowArtifacts> ListModelAsync(string modelId, string path, string? pageToken, CancellationToken ct) => await ListBelowAsync((await models.GetAsync(modelId, ct)).ArtifactUri, path, pageToken, ct);

    /// <summary>Path below the proxy of a file of a run.</summary>
    public async Task<string> PathOfAsync(string runId, string path, CancellationToken ct) => Below((await runs.HeadAsync(runId, ct)).ArtifactUri, path);

    /// <summary>Path below the proxy of a file of a logged model.</summary>
    public async Task<string> PathOfModelAsync(string modelId, string path, CancellationToken ct) => Below((await models.GetAsync(modelId, ct)).ArtifactUri, path);

    public async Task<IReadOnlyList<ArtifactFile>?> TreeAsync(string artifactUri, CancellationToken ct)
    {
        if (PathIn(artifactUri) is not { } root) return null;
        if (await mounts.FindAsync(root, ct) is { } mounted) return [.. mounted.Select(f => new ArtifactFile(f.Path.Length > 0 ? f.Path : root[(root.LastIndexOf('/') + 1)..], f.Digest, f.Size))];
        if (await store.FindAsync(root, ct) is { Digest: { } digest } file) return [new ArtifactFile(root[(root.LastIndexOf('/') + 1)..], digest, file.Size)];
        var rows = await store.TreeAsync(root, MaxTree + 1, ct);
        return rows.Count <= MaxTree ? rows.ConvertAll(row => new ArtifactFile(row.Path[(root.Length == 0 ? 0 : root.Length + 1)..], row.Digest!, row.Size)) : throw TooMany(artifactUri);
    }

    private async Task<MlflowArtifacts> ListBelowAsync(string artifactUri, string path, string? pageToken, CancellationToken ct)
    {
        var root = RootOf(artifactUri);
        var directory = Clean(path) is { Length: > 0 } below ? $"{root}/{below}" : root;
        var after = "";
        if (!string.IsNullOrEmpty(pageToken) && (!PageToken.TryDecode(pageToken, out after) || !after!.StartsWith(directory + "/", StringComparison.Ordinal)))
            throw new PilothouseException(ErrorCode.InvalidArgument, "Invalid page token: send the next_page_token of the same listing unchanged.");
        var rows = await store.ListAsync(directory, after!, MaxListing + 1, ct);
        var more = rows.Count > MaxListing;
        if (more) rows.RemoveAt(MaxListing);
        return new MlflowArtifacts(artifactUri, rows.ConvertAll(row => ToInfo(row, row.Path[(root.Length + 1)..])), more ? PageToken.Encode(rows[^1].Path) : null);
    }

    private async Task<ArtifactStore.ArtifactRow?> FindAsync(string path, CancellationToken ct)
    {
        if (await mounts.FindAsync(path, ct) is not { } mounted) return await store.FindAsync(path, ct);
        return mounted.Count == 0 ? null : mounted[0] is { Path: "" } file ? new ArtifactStore.ArtifactRow { Path = path, Digest = file.Digest, Size = file.Size } : new ArtifactStore.ArtifactRow { Path = path };
    }

    /// <summary>The first level of a mounted tree.</summary>
    private static List<MlflowFileInfo> Children(IReadOnlyList<MountedFile> files) => [.. files.Where(f => f.Path.Length > 0)
        .GroupBy(f => f.Path.Split('/')[0], StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
        .Select(g => g.First() is { } f && f.Path == g.Key ? new MlflowFileInfo(g.Key, false, f.Size > 0 ? f.Size : null) : new MlflowFileInfo(g.Key, true, null))];

    private static string Below(string artifactUri, string path) => Clean(path) is { Length: > 0 } clean ? $"{RootOf(artifactUri)}/{clean}" : throw InvalidPath();

    /// <summary>The path without a doubled or trailing slash; refuses everything that could lead elsewhere, encoded or not.</summary>
    internal static string Clean(string path)
    {
        // A later reader may decode once more (%252e is %2e is '.'): none of these forms may lead out.
        var form = path;
        for (var round = 0; round < 3; round++, form = Uri.UnescapeDataString(form))
            if (form.StartsWith('/') || form.Contains('\0', StringComparison.Ordinal) || form.Length > 1 && form[1] == ':' || form.Split('/').Any(part => part is ".." or ".")) throw InvalidPath();
        return string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string RootOf(string artifactUri) => PathIn(artifactUri)
        ?? throw new PilothouseException(ErrorCode.Unsupported, $"The artifacts of this run are at {artifactUri}, which this server does not hold. Use that store's own client.");

    /// <summary>The path below the proxy of <c>mlflow-artifacts:/1/x</c> or <c>mlflow-artifacts://host:port/1/x</c>; null for other places.</summary>
    internal static string? PathIn(string artifactUri)
    {
        if (!artifactUri.StartsWith(Scheme, StringComparison.Ordinal)) return null;
        var rest = artifactUri[Scheme.Length..];
        if (rest.StartsWith("//", StringComparison.Ordinal)) rest = rest.IndexOf('/', 2) is var slash and > 0 ? rest[slash..] : "";
        return Clean(rest.Trim('/'));
    }

    private static MlflowFileInfo ToInfo(ArtifactStore.ArtifactRow row, string name) => new(name, row.Digest is null, row.Size > 0 ? row.Size : null);

    private static PilothouseException TooMany(string path) => new(ErrorCode.TooLarge, $"'{path}' holds more than {MaxTree} entries. List a run's artifacts by artifacts/list, which has pages, or ask for a directory further down.");

    private static PilothouseException InvalidPath() => new(ErrorCode.InvalidArgument, "Invalid path");
}
