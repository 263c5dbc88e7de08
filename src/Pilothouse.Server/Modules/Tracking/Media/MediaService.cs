using System.Security.Cryptography;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Media;

/// <summary>Reads and makes the points of media series.</summary>
internal sealed class MediaService(MediaStore store, IBlobStore blobs) : IRunMedia
{
    private const int MaxPage = 200;

    /// <summary>A page ends behind the point that brings its payloads over this.</summary>
    private const long MaxPageBytes = 4 * 1024 * 1024;

    /// <summary>Larger payloads lie in the blob store.</summary>
    private const int MaxInline = 32 * 1024;

    public async Task<IReadOnlyList<MediaSeries>> SeriesAsync(string runId, CancellationToken ct) => (await store.SeriesAsync(runId, ct)).ConvertAll(row =>
        new MediaSeries(row.Kind, row.Key, OrNull(row.DisplayName), OrNull(row.Description), row.FirstStep, row.LastStep, row.Count, OrNull(row.Plugin), row.Content));

    public async Task<Page<MediaPoint>> PointsAsync(string runId, string kind, string key, MediaRange range, CancellationToken ct)
    {
        var limit = Math.Clamp(range.Limit, 1, MaxPage);
        var series = await store.FindSeriesAsync(runId, kind, key, ct);
        var after = range.AfterStep is { } step ? new MediaKey(step, long.MaxValue, "") : null;
        if (range.PageToken is { } token && !PageToken.TryDecode(token, out after))
            throw new PilothouseException(ErrorCode.InvalidArgument, "The page token is not one of this server's. Ask again without it.");
        var rows = range.Spread ? await store.SpreadAsync(series, range.AfterStep, limit, ct) : await store.PageAsync(series, after, range.Step, limit + 1, ct);

        var points = new List<MediaPoint>();
        var size = 0L;
        foreach (var row in rows.Take(limit))
        {
            if (!range.Spread && points.Count > 0 && size + row.Size > MaxPageBytes) break;
            size += row.Size;
            points.Add(MediaView.Of(kind, row, await PayloadAsync(row, ct)));
        }
        var last = points.Count < rows.Count && !range.Spread ? rows[points.Count - 1] : null;
        return new Page<MediaPoint>(points, last is null ? null : PageToken.Encode(new MediaKey(last.Step, last.TimeMs, last.Digest)));
    }

    /// <summary>A point ready to be stored; a large payload goes to the blob store now.</summary>
    public async Task<MediaRow> PointAsync(long step, long timeMs, byte[] payload, CancellationToken ct)
    {
        var row = new MediaRow { Step = step, TimeMs = timeMs, Size = payload.Length, Digest = Convert.ToHexStringLower(SHA256.HashData(payload).AsSpan(0, 16)) };
        if (payload.Length > MaxInline) row.Blob = (await blobs.PutAsync(payload, ct)).Digest;
        else row.Data = payload;
        return row;
    }

    /// <summary>Null for a payload that only its address shows: tensors too large to stand in an answer.</summary>
    private async Task<byte[]?> PayloadAsync(MediaRow row, CancellationToken ct)
    {
        if (row.Data is not null) return row.Data;
        if (row.Size > MaxPageBytes) return null;
        return await blobs.ReadAsync(row.Blob!, (int)MaxPageBytes, ct);
    }

    private static string? OrNull(string text) => text.Length > 0 ? text : null;
}
