using System.Text;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Cuts an answer at the first stop sequence, and holds back text that may become one until it is clear.</summary>
internal sealed class StopText(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _text = new();
    private int _sent;

    /// <summary>True once a stop sequence was met; nothing is added any more.</summary>
    public bool Stopped { get; private set; }

    public string Text => _text.ToString();

    /// <summary>Adds generated text; returns what may be sent now.</summary>
    public string Add(string piece)
    {
        var from = Math.Max(0, _text.Length - LongestStop + 1);
        _text.Append(piece);
        if (stops.Count == 0) return Send(_text.Length);
        var tail = _text.ToString(from, _text.Length - from);
        var at = stops.Select(s => tail.IndexOf(s, StringComparison.Ordinal)).Where(i => i >= 0).DefaultIfEmpty(-1).Min();
        if (at >= 0)
        {
            Stopped = true;
            _text.Length = from + at;
            return Send(_text.Length);
        }
        var held = 0;
        for (var length = Math.Min(LongestStop - 1, tail.Length); length > 0 && held == 0; length--)
            if (stops.Any(s => s.Length > length && tail.EndsWith(s[..length], StringComparison.Ordinal))) held = length;
        return Send(_text.Length - held);
    }

    /// <summary>What was held back, at the end of the answer.</summary>
    public string Flush() => Send(_text.Length);

    private int LongestStop => stops.Count == 0 ? 1 : stops.Max(s => s.Length);

    private string Send(int end)
    {
        if (end <= _sent) return "";
        var piece = _text.ToString(_sent, end - _sent);
        _sent = end;
        return piece;
    }
}
