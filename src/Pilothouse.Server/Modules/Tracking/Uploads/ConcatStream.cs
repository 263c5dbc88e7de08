using Pilothouse.Protocols.Streams;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Tracking.Uploads;

/// <summary>Reads blobs one behind the other, as one stream.</summary>
internal sealed class ConcatStream(IBlobStore blobs, IReadOnlyList<string> digests) : ReadOnlyStream
{
    private Stream? _current;
    private int _next;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_current is null)
            {
                if (_next == digests.Count) return 0;
                _current = await blobs.OpenReadAsync(digests[_next++], cancellationToken);
            }
            var read = await _current.ReadAsync(buffer, cancellationToken);
            if (read > 0 || buffer.Length == 0) return read;
            await _current.DisposeAsync();
            _current = null;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _current?.Dispose();
        base.Dispose(disposing);
    }
}
