using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>What a job on the built-in runner leaves behind: its result file and the files it keeps, which become blobs.</summary>
internal sealed class CiArtifacts(IBlobStore blobs, ServerOptions server)
{
    private const int MaxFiles = 1_000;
    private const long MaxBytes = 4L * 1024 * 1024 * 1024;
    private const int MaxResult = 1024 * 1024;

    /// <summary>Where the job writes; on this server's disk, and gone when the job's end is written.</summary>
    public string FolderOf(string id) => Path.Combine(server.TemporaryPath, $"ci-{id}");

    public async Task<(CiJobResult? Result, IReadOnlyList<CiArtifact> Kept)> ReadAsync(string id, CancellationToken ct)
    {
        var folder = new DirectoryInfo(FolderOf(id));
        if (!folder.Exists) return (null, []);
        var (kept, bytes) = (new List<CiArtifact>(), 0L);
        CiJobResult? result = null;
        // The job wrote these names: a link may lead anywhere, so none is followed.
        foreach (var file in folder.EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).OrderBy(f => f.FullName, StringComparer.Ordinal))
        {
            var path = Path.GetRelativePath(folder.FullName, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (path == CiJobResult.FileName)
            {
                result = file.Length <= MaxResult ? Read(await File.ReadAllTextAsync(file.FullName, ct)) : null;
                continue;
            }
            if (kept.Count >= MaxFiles || (bytes += file.Length) > MaxBytes) break;
            await using var content = file.OpenRead();
            kept.Add(new CiArtifact(path, file.Length, (await blobs.PutAsync(content, null, ct)).Digest));
        }
        return (result, kept);
    }

    public void Remove(string id)
    {
        try
        {
            Directory.Delete(FolderOf(id), recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It left nothing, or another system ran it.
        }
    }

    private static CiJobResult? Read(string text)
    {
        try
        {
            return WireJson.Read<CiJobResult>(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Blobs that logs and artifacts of jobs are: kept as long as their rows.</summary>
internal sealed class JobBlobClaims(CiJobStore jobs, JobStore commands) : IBlobClaims
{
    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        foreach (var (project, name, artifacts) in await jobs.KeptAsync(ct))
            foreach (var file in WireJson.Read<List<CiArtifact>>(artifacts)) see(new BlobClaim(project, file.Digest, $"ci/{name} {file.Path}"));
        foreach (var (project, name, digest) in await commands.LogsAsync(ct)) see(new BlobClaim(project, digest, $"log of {name}"));
    }
}
