using System.Text.RegularExpressions;

namespace Pilothouse.Web.Text;

/// <summary>Names that a person's text or regular expression finds. Matching takes time linear in the name, whatever the expression.</summary>
internal sealed class MetricFilter
{
    public const int MaxLength = 200;

    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(100);

    private readonly Regex? _regex;
    private readonly string? _text;

    private MetricFilter(Regex? regex, string? text, string? fault) => (_regex, _text, Fault) = (regex, text, fault);

    /// <summary>Why the expression is none; it is looked for as plain text then.</summary>
    public string? Fault { get; }

    public static MetricFilter Of(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return new(null, null, null);
        text = text.Trim();
        if (text.Length > MaxLength) return new(null, text, $"An expression may have {MaxLength} characters.");
        try
        {
            return new(new Regex(text, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Limit), null, null);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return new(null, text, "This is no regular expression that can be used here; it is looked for as plain text.");
        }
    }

    public bool Matches(string name)
    {
        try
        {
            return _regex?.IsMatch(name) ?? (_text is null || name.Contains(_text, StringComparison.OrdinalIgnoreCase));
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }
}
