using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Artifacts behind <c>mlflow-artifacts:/</c>: paths here, bytes in the blob store.</summary>
internal sealed class ArtifactService(ArtifactStore store, RunStore runs, IBlobStore blobs, TimeProvider time)
{
    /// <summary>Entries of one listing; more come with the page token.</summary>
    public const int MaxListing = 10_000;

    private const string Scheme = "mlflow-artifacts:/";

    public async Task PutAsync(string path, Stream content, CancellationToken ct)
    {
        path = Clean(path);
        if (path.Length == 0) throw InvalidPath();
        var blob = await blobs.PutAsync(content, null, ct);
        await store.PutAsync(path, blob.Digest, blob.Size, time.NowMs(), ct);
    }

    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task<(Stream Content, string Digest)> OpenAsync(string path, CancellationToken ct)
    {
        var file = await store.FindAsync(Clean(path), ct);
        if (file is null) throw new PilothouseException(ErrorCode.NotFound, $"There is no artifact '{path}' on this server.");
        if (file.Digest is null) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{path}' is a directory. List it, and download its files one by one.");
        return (await blobs.OpenReadAsync(file.Digest, ct), file.Digest);
    }

    /// <summary>Size of a file in bytes; null when there is none.</summary>
    public async Task<long?> SizeAsync(string path, CancellationToken ct) => (await store.FindAsync(Clean(path), ct))?.Size;

    /// <summary>Whether the artifacts below this URI are on this server.</summary>
    public static bool Holds(string artifactUri) => artifactUri.StartsWith(Scheme, StringComparison.Ordinal);

    public Task DeleteAsync(string path, CancellationToken ct) => Clean(path) is { Length: > 0 } clean ? store.DeleteAsync(clean, ct) : throw InvalidPath();

    /// <summary>Base names below a directory of the proxy.</summary>
    public async Task<MlflowArtifacts> ListAsync(string path, CancellationToken ct)
    {
        var rows = await store.ListAsync(Clean(path), "", MaxListing, ct);
        return new MlflowArtifacts(null, rows.ConvertAll(row => ToInfo(row, row.Path[(row.Path.LastIndexOf('/') + 1)..])), null);
    }

    /// <summary>Paths relative to the run's artifacts.</summary>
    public async Task<MlflowArtifacts> ListRunAsync(string runId, string path, string? pageToken, CancellationToken ct)
    {
        var run = await runs.GetAsync(runId, ct);
        var root = RootOf(run.ArtifactUri);
        var directory = Clean(path) is { Length: > 0 } below ? $"{root}/{below}" : root;
        var rows = await store.ListAsync(directory, pageToken ?? "", MaxListing, ct);
        return new MlflowArtifacts(run.ArtifactUri, rows.ConvertAll(row => ToInfo(row, row.Path[(root.Length + 1)..])), rows.Count == MaxListing ? rows[^1].Path : null);
    }

    /// <summary>Path below the proxy of a file of a run.</summary>
    public async Task<string> PathOfAsync(string runId, string path, CancellationToken ct) =>
        Clean(path) is { Length: > 0 } clean ? $"{RootOf((await runs.GetAsync(runId, ct)).ArtifactUri)}/{clean}" : throw InvalidPath();

    /// <summary>The path without a doubled or trailing slash; refuses everything that could lead elsewhere, encoded or not.</summary>
    internal static string Clean(string path)
    {
        // A later reader may decode once more (%252e is %2e is '.'): none of these forms may lead out.
        var form = path;
        for (var round = 0; round < 3; round++, form = Uri.UnescapeDataString(form))
            if (form.StartsWith('/') || form.Contains('\0', StringComparison.Ordinal) || form.Length > 1 && form[1] == ':' || form.Split('/').Any(part => part is ".." or ".")) throw InvalidPath();
        return string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string RootOf(string artifactUri) => artifactUri.StartsWith(Scheme, StringComparison.Ordinal) ? artifactUri[Scheme.Length..].Trim('/')
        : throw new PilothouseException(ErrorCode.Unsupported, $"The artifacts of this run are at {artifactUri}, which this server does not hold. Use that store's own client.");

    private static MlflowFileInfo ToInfo(ArtifactStore.ArtifactRow row, string name) => new(name, row.Digest is null, row.Size > 0 ? row.Size : null);

    private static PilothouseException InvalidPath() => new(ErrorCode.InvalidArgument, "Invalid path");
}
