namespace Pilothouse.Protocols.V1;

/// <param name="Valid">Every entry and the chain re-computed.</param>
/// <param name="Size">Entries verified.</param>
/// <param name="Head">Chain hash of the last one, lower-case hex.</param>
/// <param name="Fault">First fault found, in words.</param>
public sealed record AuditVerification(bool Valid, long Size, string Head, string? Fault);
