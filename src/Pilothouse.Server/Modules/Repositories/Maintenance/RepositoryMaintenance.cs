using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Maintenance;

/// <summary>
/// Keeps repositories quick: each push leaves a pack or loose objects, and hundreds of them make every clone slower. Packs are rolled up geometrically, so that each object is written again only
/// a few times in its life. Nothing is ever dropped, whether a ref leads to it or not: a release or a run may name a commit that no branch has any more. Git writes and syncs the new pack before it
/// removes the old ones, and a reader that has an old one open keeps it; so it runs beside pushes and clones, and a kill leaves at most a file without a use.
/// </summary>
internal sealed partial class RepositoryMaintenance(Git git, IProjects projects, PushService pushes, IOptions<RepositoriesOptions> options, TimeProvider time, ILogger<RepositoryMaintenance> logger) : IDisposable
{
    /// <summary>The rest of what a kill left: no push or repack takes so long.</summary>
    private static readonly TimeSpan LeftOver = TimeSpan.FromDays(2);

    /// <summary>Loose objects come along whether reachable or not; one thread and a bounded window, as pushes go on meanwhile.</summary>
    internal static readonly string[] Repack =
        ["-c", "core.fsync=committed", "-c", "pack.threads=1", "-c", "pack.windowMemory=128m", "-c", "pack.deltaCacheSize=64m", "repack", "-d", "-q", "--geometric=2", "--no-write-bitmap-index"];

    /// <summary>Of several repositories one at a time: it is work for disk and processor that nobody waits for.</summary>
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Rolls packs and loose objects of a repository up.</summary>
    /// <param name="force">Also when there are few.</param>
    /// <exception cref="PilothouseException">NotFound; Internal: git failed. What there was is there still.</exception>
    public async Task<RepositoryCare> RunAsync(string project, bool force, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        await _one.WaitAsync(ct);
        try
        {
            var before = Count(project);
            if (!force && before.Packs < options.Value.MaintenancePacks && before.Loose < options.Value.MaintenanceLooseObjects) return new RepositoryCare(project, false, before.Packs, before.Loose, before.Packs, before.Loose);
            var started = Stopwatch.GetTimestamp();
            RemoveLeftOvers(project);
            await GitAsync(project, Repack, ct);
            // Refs move only one at a time: a push meets no lock of ours.
            using (await pushes.EnterAsync(project, ct)) await GitAsync(project, ["-c", "core.fsync=committed,reference", "pack-refs", "--all", "--prune"], ct);
            var after = Count(project);
            Done(project, before.Packs, before.Loose, after.Packs, after.Loose, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            return new RepositoryCare(project, true, before.Packs, before.Loose, after.Packs, after.Loose);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task GitAsync(string project, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(TimeSpan.FromMinutes(options.Value.TransferTimeoutMinutes));
        var (exitCode, error) = await git.PipeAsync(project, arguments, Git.NoEnvironment, Stream.Null, Stream.Null, timeout.Token);
        if (exitCode != 0) throw new PilothouseException(ErrorCode.Internal, $"The repository of '{project}' cannot be repacked: {error}. Nothing was lost.");
    }

    private (int Packs, long Loose) Count(string project)
    {
        var objects = Path.Combine(git.PathOf(project), "objects");
        var packs = Path.Combine(objects, "pack");
        // Objects lie by their first byte, evenly: one folder tells the number of all, as git itself estimates it.
        var sample = Path.Combine(objects, "17");
        return (Directory.Exists(packs) ? Directory.EnumerateFiles(packs, "*.pack").Count(f => !File.Exists(Path.ChangeExtension(f, ".keep"))) : 0, Directory.Exists(sample) ? Directory.EnumerateFiles(sample).LongCount() * 256 : 0);
    }

    /// <summary>Files of a repack, and what a push had received, when a kill cut them off.</summary>
    private void RemoveLeftOvers(string project)
    {
        var objects = Path.Combine(git.PathOf(project), "objects");
        var before = time.GetUtcNow().UtcDateTime - LeftOver;
        try
        {
            foreach (var file in new DirectoryInfo(Path.Combine(objects, "pack")).EnumerateFiles().Where(f => f.Name.StartsWith("tmp_", StringComparison.Ordinal) || f.Name.StartsWith(".tmp-", StringComparison.Ordinal)))
                if (file.LastWriteTimeUtc < before) file.Delete();
            foreach (var folder in new DirectoryInfo(objects).EnumerateDirectories().Where(d => d.Name.StartsWith("incoming-", StringComparison.Ordinal) || d.Name.StartsWith("tmp_objdir-", StringComparison.Ordinal)))
                if (folder.LastWriteTimeUtc < before) folder.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            NotRemoved(e, project);
        }
    }

    [LoggerMessage(530, LogLevel.Information, "Repacked {Project}: {PacksBefore} packs and about {LooseBefore} loose objects became {PacksAfter} and {LooseAfter} in {Milliseconds} ms")]
    private partial void Done(string project, int packsBefore, long looseBefore, int packsAfter, long looseAfter, long milliseconds);

    [LoggerMessage(531, LogLevel.Warning, "Files that a kill left in the repository of {Project} cannot be removed; tried again the next time")]
    private partial void NotRemoved(Exception error, string project);
}
