using System.Globalization;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Browse;

/// <summary>Differences of two trees: the list of files with their counts, then the lines of as many as fit.</summary>
internal sealed partial class DiffReader(Git git)
{
    private const int MaxFiles = 1000;
    private const int MaxLines = 10_000;
    private const int MaxLinesOfFile = 2_000;
    private const int MaxLine = 2_000;
    private const byte Nul = 0;
    private static readonly string[] Plain = ["--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--no-indent-heuristic"];

    /// <param name="from">Null = against nothing.</param>
    public async Task<DiffView> ReadAsync(string project, string? from, string to, CancellationToken ct)
    {
        string[] trees = from is null ? ["--root", to] : [from, to];
        var (files, count) = await ListAsync(project, trees, ct);
        var (additions, deletions) = (files.Sum(f => f.Additions), files.Sum(f => f.Deletions));
        var complete = await FillAsync(project, trees, files, ct);
        return new DiffView(files, count, additions, deletions, !complete || count > files.Count || files.Any(f => f.Truncated));
    }

    /// <summary>Raw entries, then the counts in the same order.</summary>
    private async Task<(List<FileDiff> Files, int Count)> ListAsync(string project, string[] trees, CancellationToken ct)
    {
        await using var process = git.Start(project, ["diff-tree", "-r", "-z", "--raw", "--numstat", "--no-commit-id", "--no-abbrev", .. Plain, .. trees], Git.NoEnvironment);
        process.Input.Close();
        var reader = new DelimitedReader(process.Output);
        List<FileDiff> files = [];
        var (count, counted) = (0, 0);
        while (await reader.ReadAsync(Nul, ct) is { } piece)
        {
            var text = Git.Text(piece.Span);
            // :100644 100644 62afc21... 8baef1b... R086 NUL old NUL new NUL
            if (text.StartsWith(':'))
            {
                var parts = text[1..].Split(' ');
                var (first, second) = (Git.Text((await reader.ReadAsync(Nul, ct))!.Value.Span), (string?)null);
                if (parts[4][0] is 'R' or 'C') second = Git.Text((await reader.ReadAsync(Nul, ct))!.Value.Span);
                if (count++ < MaxFiles) files.Add(File(parts[4][0], parts[0], parts[1], first, second));
                continue;
            }
            // 12 TAB 3 TAB path, or 12 TAB 3 TAB NUL old NUL new NUL; - TAB - for binary files
            var numbers = text.Split('\t', 3);
            if (numbers.Length < 3) continue;
            if (numbers[2].Length == 0)
            {
                await reader.ReadAsync(Nul, ct);
                await reader.ReadAsync(Nul, ct);
            }
            if (counted < files.Count)
                files[counted] = files[counted] with { IsBinary = numbers[0] == "-", Additions = Number(numbers[0]), Deletions = Number(numbers[1]) };
            counted++;
        }
        var (exitCode, error) = await process.ExitAsync(ct);
        return exitCode == 0 ? (files, count) : throw new PilothouseException(ErrorCode.Internal, $"git diff-tree failed: {error}");
    }

    /// <summary>Reads the lines; the files come in the order of the list.</summary>
    /// <returns>False when lines were left out.</returns>
    private async Task<bool> FillAsync(string project, string[] trees, List<FileDiff> files, CancellationToken ct)
    {
        await using var process = git.Start(project, ["diff-tree", "-r", "-p", "--no-commit-id", .. Plain, .. trees], Git.NoEnvironment);
        process.Input.Close();
        var lines = new BoundedLines(process.Output, MaxLine);
        var (file, total, ofFile, sections) = (-1, 0, 0, 0);
        List<DiffHunk> hunks = [];
        List<DiffLine>? current = null;
        var (oldLine, newLine, truncated) = (0, 0, false);
        while (await lines.ReadAsync(ct) is { } line)
        {
            if (line.StartsWith("diff --git ", StringComparison.Ordinal))
            {
                // A file that became a link (or the other way round) is told as two.
                if (file >= 0 && files[file].Status == "type_changed" && ++sections < 2) continue;
                Close();
                if (++file >= files.Count) return false;
                (hunks, current, ofFile, sections, truncated) = ([], null, 0, 0, false);
            }
            else if (file < 0) continue;
            else if (line.StartsWith("@@ ", StringComparison.Ordinal) && HunkHead().Match(line) is { Success: true } head)
            {
                (oldLine, newLine) = (Start(head, 1), Start(head, 3));
                current = truncated ? null : [];
                if (current is not null) hunks.Add(new DiffHunk(oldLine, Length(head, 2), newLine, Length(head, 4), head.Groups[5].Value.Trim(), current));
            }
            else if (current is not null && line.Length > 0 && line[0] is ' ' or '+' or '-' or '\\')
            {
                if (++ofFile > MaxLinesOfFile)
                {
                    (truncated, current) = (true, null);
                    continue;
                }
                if (++total > MaxLines)
                {
                    truncated = true;
                    Close();
                    return false;
                }
                var text = line[1..] + (lines.WasCut ? "…" : "");
                current!.Add(line[0] switch
                {
                    '+' => new DiffLine("+", text, null, newLine++),
                    '-' => new DiffLine("-", text, oldLine++, null),
                    ' ' => new DiffLine(" ", text, oldLine++, newLine++),
                    _ => new DiffLine("\\", text.Trim(), null, null),
                });
            }
        }
        Close();
        return true;

        void Close()
        {
            if (file >= 0 && file < files.Count) files[file] = files[file] with { Hunks = hunks, Truncated = truncated };
        }
    }

    private static FileDiff File(char status, string oldMode, string mode, string first, string? second) => status switch
    {
        'A' => new(null, first, "added", oldMode, mode, false, 0, 0, [], false),
        'D' => new(first, null, "deleted", oldMode, mode, false, 0, 0, [], false),
        'R' => new(first, second, "renamed", oldMode, mode, false, 0, 0, [], false),
        'C' => new(first, second, "copied", oldMode, mode, false, 0, 0, [], false),
        'T' => new(first, first, "type_changed", oldMode, mode, false, 0, 0, [], false),
        _ => new(first, first, "modified", oldMode, mode, false, 0, 0, [], false),
    };

    private static long Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static int Start(Match head, int group) => (int)Number(head.Groups[group].Value);

    private static int Length(Match head, int group) => head.Groups[group].Success ? (int)Number(head.Groups[group].Value) : 1;

    [GeneratedRegex(@"^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)$")]
    private static partial Regex HunkHead();
}
