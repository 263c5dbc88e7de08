using Pilothouse.Data;
using Pilothouse.Protocols.Audit;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Audit;

internal sealed class AuditService(AuditStore store, TimeProvider time) : IAuditLog
{
    /// <summary>Larger evidence is a blob; the entry names its digest.</summary>
    private const int MaxDetails = 64 * 1024;
    private const int ReadBatch = 1000;

    public Task<AuditReceipt> AppendAsync(DbSession session, AuditEvent entry) => store.AppendAsync(session, Record(entry));

    public Task<AuditReceipt> AppendAsync(AuditEvent entry, CancellationToken ct) => store.AppendAsync(Record(entry), ct);

    public Task<IReadOnlyList<AuditEntry>> ListAsync(string? subjectPrefix, long? before, int limit, CancellationToken ct) =>
        store.ListAsync(subjectPrefix, before, Math.Clamp(limit, 1, ReadBatch), ct);

    /// <summary>All entries in order, a batch at a time: never the whole log in memory.</summary>
    public async IAsyncEnumerable<AuditEntry> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        for (long from = 0; ;)
        {
            var batch = await store.ReadAsync(from, ReadBatch, ct);
            foreach (var entry in batch) yield return entry;
            if (batch.Count < ReadBatch) yield break;
            from = batch[^1].Index + 1;
        }
    }

    /// <summary>Re-computes every hash from the stored content.</summary>
    public async Task<AuditVerification> VerifyAsync(CancellationToken ct)
    {
        long size = 0;
        var head = "";
        await foreach (var e in ReadAllAsync(ct))
        {
            var chained = new ChainedRecord(new AuditRecord(e.Index, e.TimeMs, e.Actor, e.Action, e.Subject, e.Details), e.LeafHash, e.Hash);
            (var fault, head) = AuditChain.Verify([chained], size, head);
            if (fault is not null) return new AuditVerification(false, size, head, fault.Message);
            size++;
        }
        return new AuditVerification(true, size, head, null);
    }

    private AuditRecord Record(AuditEvent entry)
    {
        var details = WireJson.Write(entry.Details);
        if (details.Length > MaxDetails)
            throw new PilothouseException(ErrorCode.TooLarge, $"The details of an audit entry are bounded at {MaxDetails} characters; store the document as a blob and name its digest.");
        return new AuditRecord(0, time.NowMs(), entry.Actor, entry.Action, entry.Subject, details);
    }
}
