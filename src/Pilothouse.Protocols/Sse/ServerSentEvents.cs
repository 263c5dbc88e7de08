using System.Runtime.CompilerServices;
using System.Text;

namespace Pilothouse.Protocols.Sse;

/// <summary>One server-sent event.</summary>
/// <param name="Type">The <c>event:</c> line; <c>message</c> when there is none.</param>
/// <param name="Data">The <c>data:</c> lines, joined by line feeds.</param>
public readonly record struct SseEvent(string Type, string Data);

/// <summary>Server-sent events as the OpenAI API streams them. <see href="https://html.spec.whatwg.org/multipage/server-sent-events.html"/></summary>
public static class ServerSentEvents
{
    /// <summary>Longest event that is read, in bytes.</summary>
    public const int MaxEventBytes = 4 * 1024 * 1024;

    /// <summary>The data of the event that ends an OpenAI stream.</summary>
    public const string Done = "[DONE]";

    /// <summary><c>data: [DONE]\n\n</c></summary>
    public static ReadOnlyMemory<byte> DoneFrame { get; } = "data: [DONE]\n\n"u8.ToArray();

    /// <summary>An event of one line of data, such as compact JSON.</summary>
    /// <exception cref="ArgumentException">There is a line break in the data.</exception>
    public static byte[] Frame(ReadOnlySpan<byte> data)
    {
        if (data.IndexOfAny((byte)'\n', (byte)'\r') >= 0)
            throw new ArgumentException("The data of an event frame is one line.", nameof(data));
        return [.. "data: "u8, .. data, .. "\n\n"u8];
    }

    /// <summary>Reads events until the stream ends. An event cut off by the end is dropped, as the specification says.</summary>
    /// <exception cref="ProtocolFormatException">An event is longer than <see cref="MaxEventBytes"/>.</exception>
    public static async IAsyncEnumerable<SseEvent> ReadAsync(Stream stream, [EnumeratorCancellation] CancellationToken ct)
    {
        var parser = new SseParser();
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(buffer, ct).ConfigureAwait(false)) > 0)
        {
            foreach (var parsed in parser.Push(buffer.AsSpan(0, count)))
                yield return parsed;
        }
    }
}

/// <summary>Takes bytes as they come and gives the events that they complete.</summary>
public sealed class SseParser
{
    private readonly List<byte> _line = [];
    private readonly StringBuilder _data = new();
    private string _type = "";
    private bool _hasData;
    private bool _afterReturn;

    /// <exception cref="ProtocolFormatException">An event is longer than <see cref="ServerSentEvents.MaxEventBytes"/>.</exception>
    public IReadOnlyList<SseEvent> Push(ReadOnlySpan<byte> bytes)
    {
        var events = new List<SseEvent>();
        foreach (var b in bytes)
        {
            // A line ends with LF, CR or CRLF.
            if (b == '\n' && _afterReturn)
            {
                _afterReturn = false;
                continue;
            }

            _afterReturn = b == '\r';
            if (b is not ((byte)'\n' or (byte)'\r'))
            {
                if (_line.Count + _data.Length >= ServerSentEvents.MaxEventBytes)
                    throw new ProtocolFormatException($"A server-sent event is longer than {ServerSentEvents.MaxEventBytes} bytes.");
                _line.Add(b);
                continue;
            }

            if (EndLine() is { } parsed)
                events.Add(parsed);
        }

        return events;
    }

    private SseEvent? EndLine()
    {
        var line = Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_line)).TrimStart('\uFEFF');
        _line.Clear();
        if (line.Length == 0)
        {
            SseEvent? complete = _hasData ? new SseEvent(_type.Length == 0 ? "message" : _type, _data.ToString()) : null;
            _data.Clear();
            (_type, _hasData) = ("", false);
            return complete;
        }

        // ": comment" | "data: value" | "data:value" | "data"
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        var field = colon < 0 ? line : line[..colon];
        var value = colon < 0 ? "" : line[(colon + 1)..];
        value = value.StartsWith(' ') ? value[1..] : value;
        if (field == "data")
        {
            _data.Append(_hasData ? "\n" : "").Append(value);
            _hasData = true;
        }
        else if (field == "event")
        {
            _type = value;
        }

        return null;
    }
}
