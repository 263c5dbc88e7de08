using System.Collections.Frozen;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Uploads;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Garbage;

/// <summary>
/// <c>pilothouse gc</c>: what was deleted goes for good, with its metrics and artifacts; then the blobs go that nothing names any more. Beside running writes:
/// what is restored in time stays, and a blob goes only when nobody has named, stored or looked for it since the time of grace.
/// </summary>
internal sealed class GarbageService(Db db, PurgeStore store, GarbageStore garbage, ILineage lineage, UploadStore uploads, IBlobGarbage blobs, IAuditLog audit, IEventBus events, TimeProvider time)
{
    /// <summary>Things of each kind that one call purges.</summary>
    public const int MaxItems = 10_000;
    public const int MaxListed = 1000;
    public const int MaxIds = 1000;

    /// <summary>Blobs that one call looks at.</summary>
    public const int MaxBlobs = 1_000_000;
    private const int ItemsPerWrite = 100;

    /// <summary>What stands there is a user's file, of which nothing else is part.</summary>
    internal static readonly FrozenSet<string> LeafTables = FrozenSet.Create("trk_artifact", "trk_media", "trk_upload_part");

    private int _running;

    /// <exception cref="PilothouseException">FailedPrecondition: it runs already. InvalidArgument.</exception>
    public async Task<GarbageReport> CollectAsync(GarbageRequest request, string actor, CancellationToken ct)
    {
        Check(request);
        if (Interlocked.Exchange(ref _running, 1) == 1) throw new PilothouseException(ErrorCode.FailedPrecondition, "A garbage collection is running already. Wait for it to end.");
        try
        {
            var now = time.NowMs();
            var beforeMs = now - request.OlderThanSeconds * 1000;
            var (plan, held) = await KeepHeldAsync(request, await PlanAsync(request, beforeMs, ct), beforeMs, ct);
            var (items, files, bytes) = await DescribeAsync(plan, ct);
            if (!request.DryRun) plan = await PurgeAsync(plan, actor, now, ct);
            var expired = request.DryRun ? 0 : await uploads.ExpireAsync(now - (long)UploadService.MaxAge.TotalMilliseconds, now, MaxItems, ct);
            var swept = await SweepAsync(request, actor, now, ct);
            return new GarbageReport(request.DryRun, Count(plan, "experiment"), Count(plan, "run"), Count(plan, "model"), files, bytes, expired, swept, items,
                plan.GroupBy(p => p.Kind).Any(g => g.Count() >= MaxItems))
            { Held = held };
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    private async Task<List<Purgeable>> PlanAsync(GarbageRequest request, long beforeMs, CancellationToken ct)
    {
        var chosen = request.RunIds is not null || request.ExperimentIds is not null || request.ModelIds is not null;
        var experiments = chosen && request.ExperimentIds is null ? [] : await store.ExperimentsAsync(beforeMs, request.ExperimentIds?.Select(ExperimentService.ParseId).ToList(), MaxItems, ct);
        var numbers = experiments.ConvertAll(e => e.Num);
        var runs = await store.RunsAsync(beforeMs, chosen ? request.RunIds ?? [] : null, numbers, MaxItems, ct);
        var models = await store.ModelsAsync(beforeMs, chosen ? request.ModelIds ?? [] : null, numbers, MaxItems, ct);
        Require("experiment", request.ExperimentIds, experiments);
        Require("run", request.RunIds, runs);
        Require("logged model", request.ModelIds, models);
        // An experiment goes only when all of its runs and models go with it.
        var full = runs.Count >= MaxItems || models.Count >= MaxItems;
        return [.. full ? [] : experiments, .. runs, .. models];
    }

    /// <summary>
    /// What a release came to stand on after it was deleted stays, and with it its experiment: what was released stays reproducible.
    /// </summary>
    /// <exception cref="PilothouseException">FailedPrecondition: it was asked for by its id.</exception>
    private async Task<(List<Purgeable> Plan, IReadOnlyList<GarbageHeld> Held)> KeepHeldAsync(GarbageRequest request, List<Purgeable> plan, long beforeMs, CancellationToken ct)
    {
        static LineageNode Node(Purgeable item) => new(item.Kind == "run" ? LineageKind.Run : LineageKind.LoggedModel, item.Id);
        var found = await lineage.HeldAsync(plan.Where(p => p.Kind != "experiment").Select(Node), ct);
        if (found.Count == 0) return (plan, []);
        var held = plan.Where(p => p.Kind != "experiment" && found.ContainsKey(Node(p))).ToList();
        var experiments = held.Select(p => p.Experiment).ToHashSet();
        var staying = plan.Where(p => p.Kind == "experiment" && experiments.Contains(p.Num)).ToHashSet();
        var asked = new HashSet<string>([.. request.RunIds ?? [], .. request.ModelIds ?? []]);
        if (held.Find(p => asked.Contains(p.Id)) is { } refused) throw new PilothouseException(ErrorCode.FailedPrecondition, $"The {refused.Kind} {refused.Id} cannot go: {found[Node(refused)]} stands on it. Nothing was changed.");
        if (staying.FirstOrDefault(p => request.ExperimentIds?.Contains(p.Id) == true) is { } whole && held.Find(p => p.Experiment == whole.Num) is { } part)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"The experiment {whole.Id} cannot go: {found[Node(part)]} stands on its {part.Kind} {part.Id}. Nothing was changed.");
        // What would only have gone because its experiment went.
        bool Stays(Purgeable p) => staying.Contains(p) || p.Kind != "experiment" && (found.ContainsKey(Node(p)) || experiments.Contains(p.Experiment) && p.DeletedMs > beforeMs);
        return ([.. plan.Where(p => !Stays(p))], [.. held.Take(MaxListed).Select(p => new GarbageHeld(p.Kind, p.Id, p.Name, found[Node(p)]))]);
    }

    private static void Require(string kind, IReadOnlyList<string>? asked, List<Purgeable> found)
    {
        var missing = (asked ?? []).Except(found.Select(f => f.Id), StringComparer.Ordinal).FirstOrDefault();
        if (missing is not null)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The {kind} {missing} cannot go: it does not exist, is not deleted, was deleted too lately, or (an experiment) has active runs. Delete it first, or lower older_than.");
    }

    private async Task<(List<GarbageItem> Items, long Files, long Bytes)> DescribeAsync(List<Purgeable> plan, CancellationToken ct)
    {
        var items = new List<GarbageItem>();
        var (files, bytes) = (0L, 0L);
        foreach (var item in plan)
        {
            // The tree of an experiment holds those of its runs and models, which are counted by themselves.
            var size = item.Kind == "experiment" ? (0, 0) : await store.SizeAsync(item, ct);
            (files, bytes) = (files + size.Item1, bytes + size.Item2);
            if (items.Count < MaxListed) items.Add(new GarbageItem(item.Kind, item.Id, item.Name, item.DeletedMs, size.Item1, size.Item2));
        }
        return (items, files, bytes);
    }

    private async Task<List<Purgeable>> PurgeAsync(List<Purgeable> plan, string actor, long now, CancellationToken ct)
    {
        var taken = new List<Purgeable>();
        foreach (var chunk in plan.Chunk(ItemsPerWrite))
        {
            taken.AddRange(await db.WriteAsync(async session =>
            {
                var mine = await PurgeStore.TakeAsync(session, chunk, now);
                if (mine.Count > 0) await audit.AppendAsync(session, new AuditEvent(actor, "tracking.purge", "tracking", mine.GroupBy(m => m.Kind).ToDictionary(g => g.Key, g => g.Select(m => m.Id))));
                return mine;
            }, ct));
        }
        foreach (var item in taken.Where(t => t.Kind == "run")) await store.RemoveRunAsync(item.Num, now, ct);
        foreach (var item in taken.Where(t => t.Kind == "model")) await store.RemoveModelAsync(item.Num, ct);
        var experiments = taken.Where(t => t.Kind == "experiment").ToList();
        foreach (var item in experiments) await store.RemoveExperimentAsync(item.Num, ct);
        if (experiments.Count > 0) await events.PublishAsync(new ExperimentsPurged(experiments.ConvertAll(e => e.Id)), ct);
        return taken;
    }

    private async Task<BlobReport> SweepAsync(GarbageRequest request, string actor, long now, CancellationToken ct)
    {
        var before = now - request.GraceSeconds * 1000;
        var candidates = await garbage.ListAsync(before, MaxBlobs, ct);
        var sweep = await blobs.SweepAsync(candidates, LeafTables, before, request.DryRun, ct);
        if (!request.DryRun && sweep.Deleted.Count > 0)
        {
            await garbage.RemoveAsync(sweep.Deleted, ct);
            await audit.AppendAsync(new AuditEvent(actor, "blobs.delete", "blobs", new { count = sweep.Deleted.Count, bytes = sweep.Bytes }), ct);
        }
        var noted = await garbage.CountAsync(ct);
        return new BlobReport(sweep.Deleted.Count, sweep.Bytes, sweep.Needed, (int)noted - sweep.Needed - (request.DryRun ? sweep.Deleted.Count : 0));
    }

    private static int Count(List<Purgeable> plan, string kind) => plan.Count(p => p.Kind == kind);

    private static void Check(GarbageRequest request)
    {
        const long century = 100L * 365 * 24 * 3600;
        if (request.OlderThanSeconds is < 0 or > century) throw new PilothouseException(ErrorCode.InvalidArgument, "older_than_seconds must be between 0 and 100 years.");
        if (request.GraceSeconds is < 0 or > century) throw new PilothouseException(ErrorCode.InvalidArgument, "grace_seconds must be between 0 and 100 years.");
        foreach (var ids in (IReadOnlyList<string>?[])[request.RunIds, request.ExperimentIds, request.ModelIds])
            if (ids?.Count > MaxIds) throw new PilothouseException(ErrorCode.InvalidArgument, $"One call takes at most {MaxIds} ids of a kind. Call several times.");
    }
}
