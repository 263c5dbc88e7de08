using System.Text;

namespace Pilothouse.Protocols.ChatTemplates;

/// <summary>A template string that remembers which of its characters came from a message.</summary>
internal sealed class Rope
{
    private readonly TemplatePart[] _parts;

    private Rope(TemplatePart[] parts) => _parts = parts;

    public static Rope Empty { get; } = new([]);

    public IReadOnlyList<TemplatePart> Parts => _parts;

    public string Text => _parts.Length == 1 ? _parts[0].Text : string.Concat(_parts.Select(p => p.Text));

    public int Length => _parts.Sum(p => p.Text.Length);

    public static Rope Of(string text, bool fromMessage = false) => text.Length == 0 ? Empty : new Rope([new TemplatePart(text, fromMessage)]);

    public static Rope Join(Rope left, Rope right) => new([.. left._parts, .. right._parts]);

    public Rope TrimStart()
    {
        var skip = 0;
        while (skip < _parts.Length && string.IsNullOrWhiteSpace(_parts[skip].Text)) skip++;
        return skip == _parts.Length ? Empty : new Rope([_parts[skip] with { Text = _parts[skip].Text.TrimStart() }, .. _parts[(skip + 1)..]]);
    }

    public Rope TrimEnd()
    {
        var end = _parts.Length;
        while (end > 0 && string.IsNullOrWhiteSpace(_parts[end - 1].Text)) end--;
        return end == 0 ? Empty : new Rope([.. _parts[..(end - 1)], _parts[end - 1] with { Text = _parts[end - 1].Text.TrimEnd() }]);
    }

    public Rope Map(Func<string, string> change) => new([.. _parts.Select(p => p with { Text = change(p.Text) })]);

    public override string ToString() => Text;
}

/// <summary>Where a template writes to: bounded in text and in steps, since a template is foreign code.</summary>
internal sealed class JinjaOutput
{
    private const int MaxCharacters = 8 * 1024 * 1024;
    private const int MaxSteps = 200_000;

    private readonly List<(StringBuilder Text, bool FromMessage)> _parts = [];
    private int _length;
    private int _steps;

    /// <summary>Values are written as Nunjucks does, not as Jinja.</summary>
    public bool IsNunjucks { get; init; }

    public void Step()
    {
        if (++_steps > MaxSteps) throw new ProtocolFormatException($"The chat template did not end within {MaxSteps} steps.");
    }

    public void Write(Rope text)
    {
        foreach (var (part, fromMessage) in text.Parts)
        {
            if ((_length += part.Length) > MaxCharacters) throw new ProtocolFormatException($"The chat template wrote more than {MaxCharacters} characters.");
            if (_parts.Count > 0 && _parts[^1].FromMessage == fromMessage) _parts[^1].Text.Append(part);
            else _parts.Add((new StringBuilder(part), fromMessage));
        }
    }

    public IReadOnlyList<TemplatePart> Parts() => [.. _parts.Select(p => new TemplatePart(p.Text.ToString(), p.FromMessage))];
}
