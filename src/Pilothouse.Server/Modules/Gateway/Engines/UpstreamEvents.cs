namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Server-sent events of an upstream (https://html.spec.whatwg.org/multipage/server-sent-events.html): the data lines, with a bound on each.</summary>
internal sealed class UpstreamEvents(Stream stream, int maxLine)
{
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>Value of the next <c>data:</c> line, valid until the next call; null at the end. Comments (keep-alives) and other fields are skipped.</summary>
    /// <exception cref="IOException">A line is longer than the bound.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> NextAsync(CancellationToken ct)
    {
        while (true)
        {
            var newline = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = _buffer.AsMemory(_start, newline);
                _start += newline + 1;
                if (line.Span.StartsWith("data:"u8)) return line[5..].Trim(" \r"u8);
                continue;
            }
            Compact();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), ct);
            if (read == 0) return null;
            _end += read;
        }
    }

    private void Compact()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end < _buffer.Length) return;
        if (_buffer.Length >= maxLine) throw new IOException($"an event is larger than {maxLine} bytes");
        Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
