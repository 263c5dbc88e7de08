using Pilothouse.Data;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Audit.Api;

/// <summary>The append-only record of who moved what. Every move of a pointer is one entry, written in the same transaction as the move.</summary>
public interface IAuditLog
{
    /// <summary>Appends inside the caller's write transaction: the move and its record are durable together or not at all.</summary>
    Task<AuditReceipt> AppendAsync(DbSession session, AuditEvent entry);

    /// <summary>Appends in a transaction of its own.</summary>
    Task<AuditReceipt> AppendAsync(AuditEvent entry, CancellationToken ct);

    /// <summary>Entries newest first, with index below <paramref name="before"/>.</summary>
    Task<IReadOnlyList<AuditEntry>> ListAsync(string? subjectPrefix, long? before, int limit, CancellationToken ct);

    /// <summary>Re-computes every hash of the chain from the stored content.</summary>
    Task<AuditVerification> VerifyAsync(CancellationToken ct);
}

/// <summary>What happened.</summary>
/// <param name="Actor">Name of the caller.</param>
/// <param name="Action">Dotted verb, e.g. <c>environment.deploy</c>, <c>model_version.register</c>.</param>
/// <param name="Subject">What was moved, as a path: <c>environments/support-assistant/production</c>.</param>
/// <param name="Details">Anything that serialises to JSON; bounded at 64 KB.</param>
public sealed record AuditEvent(string Actor, string Action, string Subject, object Details);

/// <summary>Proof that the entry is in the chain.</summary>
/// <param name="Index">0-based position.</param>
/// <param name="Hash">Chain hash up to and including the entry, lower-case hex.</param>
public sealed record AuditReceipt(long Index, string Hash);

/// <summary>A stored entry. <c>hash = SHA-256(previous_hash || leaf_hash)</c>, <c>leaf_hash = SHA-256(0x00 || canonical entry)</c> (RFC 6962 leaf).</summary>
public sealed record AuditEntry(long Index, long TimeMs, string Actor, string Action, string Subject, string Details, string LeafHash, string Hash);
