using System.Text;
using Pilothouse.Protocols.Terminal;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>Logs of runs: parts in whole lines, from the end or from where a reader is, and search.</summary>
internal sealed class RunLogs(IRunLogs streams, ArtifactService artifacts, RunStore runs)
{
    /// <summary>Directory of a run's artifacts with its logs.</summary>
    public const string Directory = "logs";

    /// <summary>Bytes of one part.</summary>
    public const int MaxPart = 128 * 1024;

    /// <summary>Bytes of a log that are searched.</summary>
    public const long MaxSearched = 64L * 1024 * 1024;

    public const int MaxMatches = 500;
    public const int MaxQuery = 200;

    /// <summary>Characters of a matching line that are shown.</summary>
    private const int MaxLine = 2000;

    /// <summary>Streams that can be read while the run is under way, before they are artifacts.</summary>
    private static readonly string[] Streams = ["stdout", "stderr"];

    public async Task<IReadOnlyList<RunArtifact>> ListAsync(string runId, CancellationToken ct)
    {
        var logs = new List<RunArtifact>();
        foreach (var stream in Streams)
            if ((await streams.ReadAsync(runId, stream, 0, 1, ct)).Length is > 0 and var length) logs.Add(new RunArtifact($"{Directory}/{stream}.log", false, length));
        if (!ArtifactService.Holds((await runs.GetAsync(runId, ct)).ArtifactUri)) return logs;
        var files = (await artifacts.ListRunAsync(runId, Directory, null, ct)).Files ?? [];
        return [.. logs, .. files.Where(f => !f.IsDir && StreamOf(f.Path) is null).Select(f => new RunArtifact(f.Path, false, f.FileSize ?? 0))];
    }

    public async Task<LogPart> ReadAsync(string runId, string path, long? after, string style, CancellationToken ct)
    {
        var live = (await runs.GetAsync(runId, ct)).Status == MlflowNames.Running;
        var length = (await BytesAsync(runId, path, 0, 1, ct)).Length;
        var (from, size, bytes) = await BytesAsync(runId, path, Math.Clamp(after ?? length - MaxPart, 0, length), MaxPart, ct);
        var start = 0;
        if (after is null && from > 0) // begin with a whole line
            start = Array.IndexOf(bytes, (byte)'\n') is var first and >= 0 ? first + 1 : 0;
        // A line that is still being written waits for its end; one longer than a part is cut.
        var end = Array.LastIndexOf(bytes, (byte)'\n') + 1;
        if (end <= start && bytes.Length == MaxPart || !live && from + bytes.Length == size) end = bytes.Length;
        if (end < start) end = start;
        var (lines, next) = AnsiText.Parse(Encoding.UTF8.GetString(bytes, start, end - start), after is null ? "" : style);
        return new LogPart(path, size, from + start, from + end, next, [.. lines.Select(line => (IReadOnlyList<LogSpan>)[.. line.Select(s => new LogSpan(s.Text, s.Style))])], live);
    }

    public async Task<LogMatches> SearchAsync(string runId, string path, string query, CancellationToken ct)
    {
        if (query.Length is 0 or > MaxQuery) throw new PilothouseException(ErrorCode.InvalidArgument, $"A text of 1 to {MaxQuery} characters can be searched for.");
        var matches = new List<LogMatch>();
        var buffer = new byte[MaxPart];
        var (start, filled, line, searched) = (0L, 0, 0L, 0L);
        while (searched < MaxSearched)
        {
            var bytes = (await BytesAsync(runId, path, start + filled, buffer.Length - filled, ct)).Bytes;
            bytes.CopyTo(buffer, filled);
            var read = bytes.Length;
            searched += read;
            filled += read;
            var used = 0;
            while (true)
            {
                var end = buffer.AsSpan(used, filled - used).IndexOf((byte)'\n');
                // The last line, or one longer than the buffer, ends where the bytes do.
                if (end < 0 && (read > 0 || filled == used) && !(used == 0 && filled == buffer.Length)) break;
                var length = end < 0 ? filled - used : end;
                line++;
                var text = AnsiText.Plain(Encoding.UTF8.GetString(buffer, used, length));
                if (text.Contains(query, StringComparison.OrdinalIgnoreCase))
                {
                    if (matches.Count == MaxMatches) return new LogMatches(path, query, matches, false);
                    matches.Add(new LogMatch(line, start + used, text.Length <= MaxLine ? text : text[..MaxLine] + "…"));
                }
                used += length + (end < 0 ? 0 : 1);
                if (used >= filled) break;
            }
            buffer.AsSpan(used, filled - used).CopyTo(buffer);
            start += used;
            filled -= used;
            if (read == 0) return new LogMatches(path, query, matches, true);
        }
        return new LogMatches(path, query, matches, false);
    }

    private async Task<(long Offset, long Length, byte[] Bytes)> BytesAsync(string runId, string path, long offset, int limit, CancellationToken ct)
    {
        if (StreamOf(path) is { } stream)
        {
            var slice = await streams.ReadAsync(runId, stream, offset, limit, ct);
            return (slice.Offset, slice.Length, slice.Bytes);
        }
        var (content, _) = await artifacts.OpenAsync(await artifacts.PathOfAsync(runId, path, ct), ct);
        await using (content)
        {
            content.Position = Math.Min(offset, content.Length);
            var bytes = new byte[Math.Min(limit, content.Length - content.Position)];
            await content.ReadExactlyAsync(bytes, ct);
            return (Math.Min(offset, content.Length), content.Length, bytes);
        }
    }

    private static string? StreamOf(string path) => Streams.FirstOrDefault(s => path == $"{Directory}/{s}.log");
}
