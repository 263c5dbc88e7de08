using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>Who keeps how much, and whether there is room for more.</summary>
internal sealed class UsageService(Db db, BlobStore blobs, IBlobBackend backend, CareStore store, IEnumerable<IBlobClaims> claims, IAuditLog audit, TimeProvider time) : IBlobQuota, IDisposable
{
    /// <summary>A quota is checked against figures of this age, and what was let in since.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Dictionary<string, long> _since = new(StringComparer.Ordinal);
    private Dictionary<string, long>? _used;
    private long _usedMs;

    public async Task<BlobUsage> ReadAsync(CancellationToken ct)
    {
        var sizes = new Dictionary<Digest, long>();
        var stored = 0L;
        await foreach (var blob in backend.ListAsync(BlobForm.Whole, ct))
        {
            sizes[blob.Digest] = blob.Size;
            stored += blob.Size;
        }
        await foreach (var recipe in backend.ListAsync(BlobForm.Recipe, ct))
        {
            stored += recipe.Size;
            if (await blobs.RecipeAsync(recipe.Digest, ct) is { } made) sizes[recipe.Digest] = made.Size;
        }
        var named = 0L;
        var byKind = new Dictionary<string, HashSet<Digest>>(StringComparer.Ordinal);
        var byProject = new Dictionary<string, HashSet<Digest>>(StringComparer.Ordinal);
        foreach (var module in claims)
        {
            await module.ReadAsync(claim =>
            {
                if (!Digest.TryParse(claim.Digest, out var digest) || !sizes.TryGetValue(digest, out var size)) return;
                named += size;
                Add(byProject, claim.Project ?? "", digest);
                Add(byKind, claim.Kind, digest);
            }, ct);
        }
        var quotas = await store.QuotasAsync(ct);
        foreach (var project in quotas.Keys) byProject.TryAdd(project, []);
        var claimed = byProject.Values.SelectMany(d => d).ToHashSet();
        return new BlobUsage(sizes.Count, sizes.Values.Sum(), stored, sizes.Where(s => !claimed.Contains(s.Key)).Sum(s => s.Value),
            [.. byProject.Select(p => new ProjectUsage(p.Key.Length == 0 ? null : p.Key, p.Value.Count, p.Value.Sum(d => sizes[d]), quotas.TryGetValue(p.Key, out var quota) ? quota : null))
                .OrderByDescending(p => p.Bytes).ThenBy(p => p.Project, StringComparer.Ordinal)])
        {
            NamedBytes = named,
            Kinds = [.. byKind.Select(k => new KindUsage(k.Key, k.Value.Count, k.Value.Sum(d => sizes[d]))).OrderByDescending(k => k.Bytes).ThenBy(k => k.Kind, StringComparer.Ordinal)],
        };

        static void Add(Dictionary<string, HashSet<Digest>> groups, string key, Digest digest)
        {
            if (!groups.TryGetValue(key, out var group)) groups[key] = group = [];
            group.Add(digest);
        }
    }

    public void Dispose() => _gate.Dispose();

    /// <exception cref="PilothouseException">InvalidArgument.</exception>
    public async Task SetQuotaAsync(string project, long? bytes, string actor, CancellationToken ct)
    {
        if (bytes < 0 || project.Length is 0 or > 200) throw new PilothouseException(ErrorCode.InvalidArgument, "A quota is a number of bytes that is not negative, of a project with a name.");
        await db.WriteAsync(async session =>
        {
            await CareStore.SetQuotaAsync(session, project, bytes, actor, time.NowMs());
            await audit.AppendAsync(session, new AuditEvent(actor, "blobs.quota", $"projects/{project}", new { bytes }));
        }, ct);
    }

    public async Task RequireRoomAsync(string? project, long bytes, CancellationToken ct)
    {
        if (project is null || await store.QuotaAsync(project, ct) is not { } quota) return;
        await _gate.WaitAsync(ct);
        try
        {
            if (_used is null || time.NowMs() - _usedMs > MaxAge.TotalMilliseconds)
            {
                _used = (await ReadAsync(ct)).Projects.Where(p => p.Project is not null).ToDictionary(p => p.Project!, p => p.Bytes);
                _usedMs = time.NowMs();
                _since.Clear();
            }
            var used = _used.GetValueOrDefault(project) + _since.GetValueOrDefault(project);
            if (used + bytes > quota)
                throw new PilothouseException(ErrorCode.StorageFull, string.Create(CultureInfo.InvariantCulture, $"The project '{project}' may keep {quota} bytes and has {used}: {bytes} more do not fit. Delete what is not needed, or raise it: pilothouse blobs quota {project} SIZE"));
            _since[project] = _since.GetValueOrDefault(project) + bytes;
        }
        finally
        {
            _gate.Release();
        }
    }
}
