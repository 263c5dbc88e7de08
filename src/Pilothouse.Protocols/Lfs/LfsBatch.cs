namespace Pilothouse.Protocols.Lfs;

/// <summary>Body of <c>POST objects/batch</c> (git-lfs docs/api/batch.md); members in snake_case.</summary>
/// <param name="Operation"><c>download</c> or <c>upload</c>.</param>
/// <param name="Transfers">Ways of transfer that the client can do; absent = <c>basic</c>.</param>
/// <param name="Ref">Branch the objects are for.</param>
/// <param name="Objects">The objects asked for.</param>
/// <param name="HashAlgo">Absent = <c>sha256</c>.</param>
public sealed record LfsBatchRequest(string? Operation, IReadOnlyList<string>? Transfers, LfsRef? Ref, IReadOnlyList<LfsObjectId?>? Objects, string? HashAlgo);

/// <param name="Name">Full name, e.g. <c>refs/heads/main</c>.</param>
public sealed record LfsRef(string? Name);

/// <summary>An object by digest and size.</summary>
/// <param name="Oid">64 lower-case hex digits.</param>
/// <param name="Size">Bytes.</param>
public sealed record LfsObjectId(string? Oid, long Size);

/// <summary>Answer to a batch request.</summary>
/// <param name="Transfer">The way of transfer chosen.</param>
/// <param name="Objects">In the order asked for.</param>
/// <param name="HashAlgo">Always <c>sha256</c>.</param>
public sealed record LfsBatchAnswer(string Transfer, IReadOnlyList<LfsObject> Objects, string HashAlgo);

/// <summary>What to do for one object: actions, or nothing (it is there already), or an error.</summary>
/// <param name="Oid">As asked.</param>
/// <param name="Size">As asked.</param>
/// <param name="Authenticated">True = the client needs no credentials beside the actions' own headers.</param>
/// <param name="Actions">By name: <c>download</c>, <c>upload</c>, <c>verify</c>; absent when there is nothing to do.</param>
/// <param name="Error">Why nothing can be done.</param>
public sealed record LfsObject(string Oid, long Size, bool? Authenticated, IReadOnlyDictionary<string, LfsAction>? Actions, LfsObjectError? Error);

/// <param name="Href">Absolute address.</param>
/// <param name="Header">Headers to send with the request.</param>
/// <param name="ExpiresIn">Seconds for which the headers are good.</param>
public sealed record LfsAction(string Href, IReadOnlyDictionary<string, string>? Header, int? ExpiresIn);

/// <param name="Code">HTTP status: 404 not there, 409 other hash algorithm, 410 removed, 413 too large, 422 invalid.</param>
/// <param name="Message">For people.</param>
public sealed record LfsObjectError(int Code, string Message);

/// <summary>Body of an error of the whole request.</summary>
/// <param name="Message">Shown to the user by git-lfs.</param>
/// <param name="DocumentationUrl">Where to read on.</param>
/// <param name="RequestId">To find it in the log.</param>
public sealed record LfsFault(string Message, string? DocumentationUrl, string? RequestId);
