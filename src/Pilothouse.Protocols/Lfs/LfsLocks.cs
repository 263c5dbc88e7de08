namespace Pilothouse.Protocols.Lfs;

/// <summary>A lock on a path (git-lfs docs/api/locking.md).</summary>
/// <param name="Id">Opaque.</param>
/// <param name="Path">Path from the root of the repository.</param>
/// <param name="LockedAt">RFC 3339 in upper case, to the second.</param>
/// <param name="Owner">Who holds it.</param>
public sealed record LfsLock(string Id, string Path, string LockedAt, LfsLockOwner Owner);

/// <param name="Name">Name of the login.</param>
public sealed record LfsLockOwner(string Name);

/// <summary>Body of <c>POST locks</c>.</summary>
public sealed record LfsLockRequest(string? Path, LfsRef? Ref);

/// <summary>Body of <c>POST locks/ID/unlock</c>.</summary>
/// <param name="Force">True = another's lock may be taken away.</param>
public sealed record LfsUnlockRequest(bool? Force, LfsRef? Ref);

/// <summary>Body of <c>POST locks/verify</c>.</summary>
/// <param name="Limit">Locks in one answer; 0 or absent = the server's choice.</param>
public sealed record LfsVerifyLocksRequest(LfsRef? Ref, string? Cursor, int? Limit);

/// <summary>Answer that carries one lock; with a message when it was refused (409).</summary>
public sealed record LfsLockAnswer(LfsLock Lock, string? Message);

/// <summary>Answer of <c>GET locks</c>.</summary>
/// <param name="NextCursor">Absent on the last page.</param>
public sealed record LfsLockList(IReadOnlyList<LfsLock> Locks, string? NextCursor);

/// <summary>Answer of <c>POST locks/verify</c>: those of the caller and those of others.</summary>
/// <param name="NextCursor">Absent on the last page.</param>
public sealed record LfsVerifiedLocks(IReadOnlyList<LfsLock> Ours, IReadOnlyList<LfsLock> Theirs, string? NextCursor);
