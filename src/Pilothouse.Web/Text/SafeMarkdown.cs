using Markdig;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Pilothouse.Web.Text;

/// <summary>
/// Markdown of strangers as HTML that holds no script: raw HTML is text, links lead only to http, https, mailto or places below, pictures come only from where the text itself
/// is kept (the address of a picture elsewhere would tell its owner who reads).
/// </summary>
internal static class SafeMarkdown
{
    /// <summary>Characters of a text that is rendered; longer ones are shown as they are.</summary>
    public const int MaxLength = 128 * 1024;

    /// <summary>Headings of a text stand below those of the page, which go down to h2.</summary>
    private const int FirstHeading = 3;

    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().DisableHtml().UsePipeTables().UseAutoLinks().UseEmphasisExtras().Build();

    /// <param name="resolve">Address of a file named by the text, relative to it; null where there are none.</param>
    /// <returns>Null when the text is too long or nested too deeply: show it as plain text.</returns>
    public static string? ToHtml(string text, Func<string, (string Page, string Content)?>? resolve)
    {
        if (text.Length > MaxLength) return null;
        MarkdownDocument document;
        try
        {
            document = Markdown.Parse(text, Pipeline);
        }
        catch (ArgumentException)
        {
            return null; // Markdig's depth limit
        }
        Nest([.. document.Descendants<HeadingBlock>()]);
        foreach (var link in document.Descendants<LinkInline>().ToList())
        {
            link.GetDynamicUrl = null;
            var url = Clean(link.Url);
            var local = url is not null && IsRelative(url) ? resolve?.Invoke(url) : null;
            if (link.IsImage && local is null) link.IsImage = false;
            link.Url = local is { } found ? link.IsImage ? found.Content : found.Page : url is not null && IsRelative(url) && !url.StartsWith('#') ? "#" : url ?? "#";
        }
        foreach (var link in document.Descendants<AutolinkInline>())
            if (!link.IsEmail && (Clean(link.Url) is not { } url || IsRelative(url))) link.Url = "#";
        return document.ToHtml(Pipeline);
    }

    /// <summary>Levels without a gap: who hears the page jumps from heading to heading.</summary>
    private static void Nest(IReadOnlyList<HeadingBlock> headings)
    {
        if (headings.Count == 0) return;
        var (top, before) = (headings.Min(h => h.Level), FirstHeading - 1);
        foreach (var heading in headings) before = heading.Level = Math.Min(6, Math.Min(heading.Level - top + FirstHeading, before + 1));
    }

    /// <summary>The address when its scheme is harmless, else null: <c>JaVaScript:</c>, <c>data:</c>, <c>java\tscript:</c> are not.</summary>
    private static string? Clean(string? url)
    {
        if (string.IsNullOrEmpty(url) || url.Any(char.IsControl) || url.StartsWith("//", StringComparison.Ordinal) || url.Contains('\\', StringComparison.Ordinal)) return null;
        url = url.Trim();
        var colon = url.IndexOf(':', StringComparison.Ordinal);
        var end = url.AsSpan().IndexOfAny("/?#");
        if (colon < 0 || end >= 0 && end < colon) return url;
        return url[..colon].ToLowerInvariant() is "http" or "https" or "mailto" ? url : null;
    }

    private static bool IsRelative(string url) => url.IndexOf(':', StringComparison.Ordinal) is var colon && (colon < 0 || url.AsSpan().IndexOfAny("/?#") is var end && end >= 0 && end < colon);
}
