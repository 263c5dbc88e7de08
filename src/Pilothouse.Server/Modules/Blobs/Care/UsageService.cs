using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>Who keeps how much.</summary>
internal sealed class UsageService(Db db, BlobStore blobs, IBlobBackend backend, CareStore store, IEnumerable<IBlobClaims> claims, IAuditLog audit, TimeProvider time)
{
    public async Task<BlobUsage> ReadAsync(CancellationToken ct)
    {
        var (sizes, stored, byProject, byKind, named) = await LookAsync(ct);
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
    }

    /// <summary>What the projects that have a quota name, and its bytes.</summary>
    public async Task<Dictionary<string, (HashSet<Digest> Named, long Bytes)>> LimitedAsync(CancellationToken ct)
    {
        var (sizes, _, byProject, _, _) = await LookAsync(ct);
        return (await store.QuotasAsync(ct)).Keys.ToDictionary(p => p, p => byProject.TryGetValue(p, out var named) ? (named, named.Sum(d => sizes[d])) : ([], 0L), StringComparer.Ordinal);
    }

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

    private async Task<Look> LookAsync(CancellationToken ct)
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
        return new Look(sizes, stored, byProject, byKind, named);

        static void Add(Dictionary<string, HashSet<Digest>> groups, string key, Digest digest)
        {
            if (!groups.TryGetValue(key, out var group)) groups[key] = group = [];
            group.Add(digest);
        }
    }

    /// <param name="Sizes">Of all contents.</param>
    /// <param name="Stored">What they take in the store.</param>
    /// <param name="ByProject">Which of them each project names; "" = named, but by no project.</param>
    /// <param name="Named">Bytes named, as often as they are named.</param>
    private sealed record Look(Dictionary<Digest, long> Sizes, long Stored, Dictionary<string, HashSet<Digest>> ByProject, Dictionary<string, HashSet<Digest>> ByKind, long Named);
}
