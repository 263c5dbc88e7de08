namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>A blob is new in the store.</summary>
public sealed record BlobStored(string Digest, long Size);
