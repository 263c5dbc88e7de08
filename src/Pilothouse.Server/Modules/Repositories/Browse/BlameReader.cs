using System.Buffers;
using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Repositories.Browse;

/// <summary>Who wrote which lines (<c>git blame --porcelain</c>).</summary>
internal sealed class BlameReader(Git git)
{
    private const int MaxLines = 10_000;
    private const int MaxLine = 2_000;
    private const int ShaLength = 40;
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    public async Task<(IReadOnlyList<BlameSection> Sections, bool Truncated)> ReadAsync(string project, string commit, string path, CancellationToken ct)
    {
        await using var process = git.Start(project, ["blame", "--porcelain", $"-L1,{MaxLines + 1}", commit, "--", path], Git.NoEnvironment);
        process.Input.Close();
        var lines = new BoundedLines(process.Output, MaxLine);
        var known = new Dictionary<string, Facts>();
        List<BlameSection> sections = [];
        List<string> current = [];
        var (id, count) = ("", 0);
        while (await lines.ReadAsync(ct) is { } line)
        {
            if (line.StartsWith('\t'))
            {
                if (++count > MaxLines) return (sections, true);
                if (sections.Count == 0 || sections[^1].Commit != id)
                {
                    current = [];
                    var facts = known[id];
                    sections.Add(new BlameSection(id, facts.Author, facts.TimeMs, facts.Subject, count, current));
                }
                current.Add(line[1..] + (lines.WasCut ? "…" : ""));
            }
            // 62afc21... 3 3 2: id, line then, line now, lines of the group
            else if (line.Length > ShaLength && line[ShaLength] == ' ' && line.AsSpan(0, ShaLength).IndexOfAnyExcept(LowerHex) < 0)
            {
                id = line[..ShaLength];
                if (!known.ContainsKey(id)) known[id] = new Facts("", 0, "");
            }
            else if (line.StartsWith("author ", StringComparison.Ordinal)) known[id] = known[id] with { Author = line["author ".Length..] };
            else if (line.StartsWith("author-time ", StringComparison.Ordinal)) known[id] = known[id] with { TimeMs = 1000 * long.Parse(line["author-time ".Length..], CultureInfo.InvariantCulture) };
            else if (line.StartsWith("summary ", StringComparison.Ordinal)) known[id] = known[id] with { Subject = line["summary ".Length..] };
        }
        return (sections, false);
    }

    private sealed record Facts(string Author, long TimeMs, string Subject);
}
