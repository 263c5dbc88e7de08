namespace Pilothouse.Protocols.V1;

/// <summary>A Git LFS object that was taken away from a project on purpose.</summary>
/// <param name="Oid">64 lower-case hex digits.</param>
/// <param name="RemovedMs">Epoch milliseconds.</param>
public sealed record LfsRemoved(string Project, string Oid, long Size, string RemovedBy, long RemovedMs, string Reason);
