using System.Text;

namespace Pilothouse.Server.Modules.Repositories.Browse;

/// <summary>Lines of a program's output; what is too long of a line is left out.</summary>
internal sealed class BoundedLines(Stream stream, int maxLine)
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly byte[] _line = new byte[maxLine];
    private int _length;
    private int _start;
    private int _end;

    /// <summary>True when the last line read was cut.</summary>
    public bool WasCut { get; private set; }

    /// <returns>The next line without its end; null at the end.</returns>
    public async ValueTask<string?> ReadAsync(CancellationToken ct)
    {
        _length = 0;
        WasCut = false;
        for (var any = false; ;)
        {
            if (_start == _end)
            {
                (_start, _end) = (0, await stream.ReadAsync(_buffer, ct));
                if (_end == 0) return any ? Text() : null;
            }
            any = true;
            var at = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            var count = at < 0 ? _end - _start : at;
            var kept = Math.Min(count, maxLine - _length);
            _buffer.AsSpan(_start, kept).CopyTo(_line.AsSpan(_length));
            _length += kept;
            WasCut |= kept < count;
            _start += at < 0 ? count : count + 1;
            if (at >= 0) return Text();
        }
    }

    private string Text() => Encoding.UTF8.GetString(_line, 0, _length);
}
