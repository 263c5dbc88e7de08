using System.Collections.Concurrent;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Names of metric keys by their ids, as JSON, kept in memory: the same few names stand in every run.</summary>
internal sealed class MetricNames
{
    /// <summary>Beyond that all are forgotten, and read again as they are met.</summary>
    private const int MaxNames = 200_000;

    private readonly ConcurrentDictionary<long, JsonEncodedText> _names = new();

    public bool TryGet(long id, out JsonEncodedText name) => _names.TryGetValue(id, out name);

    public async Task LoadAsync(DbSession session, IReadOnlyCollection<long> ids)
    {
        if (_names.Count + ids.Count > MaxNames) _names.Clear();
        foreach (var chunk in ids.Chunk(RunStore.MaxIdsPerQuery))
            await session.ScanAsync("SELECT id, name FROM trk_metric_key WHERE id {0}", chunk, row => _names[row.Integer(0)] = JsonEncodedText.Encode(row.Utf8(1), JavaScriptEncoder.UnsafeRelaxedJsonEscaping));
    }
}
