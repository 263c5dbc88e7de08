using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Browse;

/// <summary>Commits in pages (<c>git log</c>).</summary>
internal sealed class CommitReader(Git git)
{
    private const int MaxPage = 200;
    /// <summary>git walks over what is skipped: paging ends somewhere.</summary>
    private const int MaxSkip = 200_000;
    private const int MaxMessage = 64 * 1024;
    private const byte Nul = 0;

    // Fields are apart by US (0x1f), commits by NUL: neither can stand in a name or message that git shows.
    private const string Format = "--format=%H%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%cn%x1f%ct%x1f%s%x1f%B";

    /// <param name="commit">Where to begin; a page token knows its own.</param>
    public async Task<Page<CommitView>> PageAsync(string project, string commit, string path, int limit, string? pageToken, CancellationToken ct)
    {
        var skip = 0;
        if (pageToken is not null)
        {
            if (!PageToken.TryDecode<Position>(pageToken, out var at) || at is not { Commit.Length: 40, Skip: >= 0 and <= MaxSkip } || !at.Commit.All(char.IsAsciiHexDigitLower))
                throw new PilothouseException(ErrorCode.InvalidArgument, "The page token is not one of this list's. Ask for the first page.");
            (commit, skip) = (at.Commit, at.Skip);
        }
        limit = Math.Clamp(limit, 1, MaxPage);
        var found = await ReadAsync(project, [$"--max-count={limit + 1}", $"--skip={skip}", commit, "--", .. path.Length > 0 ? (string[])[path] : []], ct);
        var next = found.Count > limit && skip + limit <= MaxSkip ? PageToken.Encode(new Position(commit, skip + limit)) : null;
        return new Page<CommitView>(found.Count > limit ? found[..limit] : found, next);
    }

    public async Task<CommitView> OneAsync(string project, string commit, CancellationToken ct) =>
        (await ReadAsync(project, ["--max-count=1", commit, "--"], ct))[0];

    /// <summary>Commits of one revision that another does not have.</summary>
    public Task<List<CommitView>> RangeAsync(string project, string from, string to, int limit, CancellationToken ct) => ReadAsync(project, [$"--max-count={limit}", to, "^" + from, "--"], ct);

    private async Task<List<CommitView>> ReadAsync(string project, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        await using var process = git.Start(project, ["log", "-z", "--no-color", "--no-show-signature", "--encoding=UTF-8", Format, .. arguments], Git.NoEnvironment);
        process.Input.Close();
        var reader = new DelimitedReader(process.Output);
        List<CommitView> commits = [];
        while (await reader.ReadAsync(Nul, ct) is { } piece)
        {
            if (piece.Length > 0) commits.Add(Parse(Git.Text(piece.Span)));
        }
        var (exitCode, error) = await process.ExitAsync(ct);
        return exitCode == 0 ? commits : throw new PilothouseException(ErrorCode.Internal, $"git log failed: {error}");
    }

    private static CommitView Parse(string text)
    {
        var parts = text.Split('\x1f', 9);
        var message = parts[8].Trim('\n');
        return new CommitView(parts[0], parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries), parts[2], parts[3], Ms(parts[4]), parts[5], Ms(parts[6]), parts[7],
            message.Length > MaxMessage ? message[..MaxMessage] + "…" : message);
    }

    private static long Ms(string seconds) => long.TryParse(seconds, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value * 1000 : 0;

    private sealed record Position(string Commit, int Skip);
}
