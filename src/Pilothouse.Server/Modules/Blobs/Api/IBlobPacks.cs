namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>Many small blobs in one stream.</summary>
public interface IBlobPacks
{
    /// <summary>Takes a pack (see <see cref="Protocols.V1.BlobPack"/>): all of its blobs or none, durable with one wait for the disk.</summary>
    /// <param name="admit">Told what is new before it is kept; what it throws, the sender is told. Null = everything comes in.</param>
    /// <returns>How many were new.</returns>
    /// <exception cref="Protocols.ProtocolFormatException">Not a pack, cut, or a blob that is not what its digest says.</exception>
    Task<int> PutPackAsync(Stream pack, Func<IReadOnlyCollection<BlobInfo>, Task>? admit, CancellationToken ct);

    /// <summary>Writes those of the blobs that are here and small enough for a pack, in the order asked; the others are left out.</summary>
    Task WritePackAsync(IReadOnlyList<string> digests, Stream target, CancellationToken ct);
}
