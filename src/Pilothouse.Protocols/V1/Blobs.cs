namespace Pilothouse.Protocols.V1;

/// <summary>Body of <c>POST /api/v1/blobs/missing</c>.</summary>
public sealed record BlobQuery(IReadOnlyList<string> Digests)
{
    /// <summary>Digests of one call.</summary>
    public const int MaxDigests = 10_000;
}

/// <summary>Those of the digests asked for that the server does not have.</summary>
public sealed record MissingBlobs(IReadOnlyList<string> Digests);
