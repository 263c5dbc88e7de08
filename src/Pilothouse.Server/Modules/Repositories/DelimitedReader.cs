using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>Reads what git's plumbing writes: pieces that end with a byte (NUL, newline), and runs of a known length.</summary>
internal sealed class DelimitedReader(Stream stream)
{
    /// <summary>A piece is an id with its mode, or a path; a longer one is an error.</summary>
    private const int MaxPiece = 1024 * 1024;

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>The next piece without its delimiter, valid until the next call; null at the end.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(byte delimiter, CancellationToken ct)
    {
        for (var searched = 0; ;)
        {
            var at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf(delimiter);
            if (at >= 0)
            {
                var piece = _buffer.AsMemory(_start, searched + at);
                _start += searched + at + 1;
                return piece;
            }
            searched = _end - _start;
            if (await FillAsync(ct)) continue;
            if (searched == 0) return null;
            var rest = _buffer.AsMemory(_start, searched);
            _start = _end;
            return rest;
        }
    }

    /// <exception cref="EndOfStreamException">There is less.</exception>
    public async ValueTask ReadExactlyAsync(Memory<byte> target, CancellationToken ct)
    {
        while (target.Length > 0)
        {
            if (_start == _end && !await FillAsync(ct)) throw new EndOfStreamException("git ended in the middle of an answer.");
            var count = Math.Min(target.Length, _end - _start);
            _buffer.AsMemory(_start, count).CopyTo(target);
            _start += count;
            target = target[count..];
        }
    }

    private async ValueTask<bool> FillAsync(CancellationToken ct)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= MaxPiece) throw new PilothouseException(ErrorCode.TooLarge, $"A name in the repository is longer than {MaxPiece} bytes.");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), ct);
        _end += read;
        return read > 0;
    }
}
