namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>Many small blobs in one stream.</summary>
public interface IBlobPacks
{
    /// <summary>Takes a pack (see <see cref="Protocols.V1.BlobPack"/>): all of its blobs or none, durable with one wait for the disk.</summary>
    /// <returns>How many were new.</returns>
    /// <exception cref="Protocols.ProtocolFormatException">Not a pack, cut, or a blob that is not what its digest says.</exception>
    Task<int> PutPackAsync(Stream pack, CancellationToken ct);
}
