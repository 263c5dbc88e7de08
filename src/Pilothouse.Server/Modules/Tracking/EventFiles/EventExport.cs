using System.Data.Common;
using System.Globalization;
using System.Text;
using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Media;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>A run as an event file that TensorBoard reads. Steps do not go back within a tag; memory does not grow with the run.</summary>
internal sealed class EventExport(Db db, RunStore runs, MediaStore mediaStore, IBlobStore blobs)
{
    private const int MediaPage = 50;
    private const int MaxPayload = EventFileReader.MaxRecord / 2;

    /// <param name="wide">See <see cref="EventFileWriter"/>.</param>
    /// <param name="open">Gets the file's name and gives the stream; called when the run is found.</param>
    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    public async Task WriteAsync(string runId, bool wide, Func<string, Stream> open, CancellationToken ct)
    {
        var run = await runs.GetAsync(runId, ct);
        var writer = new EventFileWriter(open(EventFileName.Of(run.StartMs / 1000, $"pilothouse.{run.Id[..Math.Min(8, run.Id.Length)]}")), wide);
        writer.WriteVersion(Seconds(run.StartMs));
        WriteStart(writer, run);
        await WriteScalarsAsync(writer, run, ct);
        foreach (var series in await mediaStore.SeriesAsync(runId, ct))
            if (series.Plugin != TfPlugins.HParams) await WriteSeriesAsync(writer, runId, series, ct);
        WriteEnd(writer, run);
        await writer.FlushAsync(ct);
    }

    private static void WriteStart(EventFileWriter writer, RunStore.RunRow run)
    {
        if (run.Params.Count == 0) return;
        string Tag(string key) => run.Tags.Find(t => t.Key == $"tensorboard.hparams.{key}")?.Value ?? "";
        var group = Tag("group_name") is { Length: > 0 } named ? named : run.Name;
        writer.WriteHParams("_hparams_/session_start_info", Seconds(run.StartMs), HParamsData.EncodeStart(new HParamsStart(
            [.. run.Params.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key!, (object?)ValueOf(p.Value!)))], Tag("model_uri"), Tag("monitor_url"), group, Seconds(run.StartMs))));
    }

    private static void WriteEnd(EventFileWriter writer, RunStore.RunRow run)
    {
        if (run.Params.Count == 0 || run.EndMs is not { } end) return;
        var status = run.Status switch
        {
            "FINISHED" => HParamsStatus.Success,
            "FAILED" or MlflowNames.Killed => HParamsStatus.Failure,
            _ => HParamsStatus.Running,
        };
        writer.WriteHParams("_hparams_/session_end_info", Seconds(end), HParamsData.EncodeEnd(status, Seconds(end)));
    }

    /// <summary>A parameter as TensorBoard's table can sort it: a number, yes or no, or a text.</summary>
    private static object ValueOf(string text) => text switch
    {
        "True" or "true" => true,
        "False" or "false" => false,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : text,
    };

    private Task<bool> WriteScalarsAsync(EventFileWriter writer, RunStore.RunRow run, CancellationToken ct) => db.ReadAsync(async session =>
    {
        const string sql = """
            SELECT k.name, m.step, m.time_ms, m.value, m.is_nan FROM trk_metric m JOIN trk_metric_key k ON k.id = m.key WHERE m.run = @num ORDER BY m.step, m.time_ms, m.key
            """;
        await using var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(new CommandDefinition(sql, new { num = run.Num }, session.Transaction, cancellationToken: ct));
        while (await reader.ReadAsync(ct))
        {
            writer.WriteScalar(reader.GetString(0), reader.GetInt64(1), Seconds(reader.GetInt64(2)), reader.GetInt64(4) != 0 ? double.NaN : reader.GetDouble(3));
            if (writer.ShouldFlush) await writer.FlushAsync(ct);
        }
        return true;
    }, ct);

    private async Task WriteSeriesAsync(EventFileWriter writer, string runId, MediaSeriesRow series, CancellationToken ct)
    {
        var id = await mediaStore.FindSeriesAsync(runId, series.Kind, series.Key, ct);
        var (plugin, dataClass) = PluginOf(series.Kind);
        var metadata = new SummaryMetadata(series.Plugin.Length > 0 ? series.Plugin : plugin, series.Content ?? [], series.DisplayName, series.Description, dataClass);
        MediaKey? after = null;
        List<MediaRow> page;
        do
        {
            page = await mediaStore.PageAsync(id, after, null, MediaPage, ct);
            foreach (var row in page)
            {
                var payload = row.Data ?? await blobs.ReadAsync(row.Blob!, MaxPayload, ct);
                var tensor = await TensorOfAsync(series.Kind, payload, ct);
                writer.Write(series.Key, row.Step, Seconds(row.TimeMs), tensor, series.Kind == MediaPayload.PrCurve && metadata.Content.Length == 0 ? metadata with { Content = Thresholds(payload) } : metadata);
                if (writer.ShouldFlush) await writer.FlushAsync(ct);
                after = new MediaKey(row.Step, row.TimeMs, row.Digest);
            }
        }
        while (page.Count == MediaPage);
    }

    private async Task<byte[]> TensorOfAsync(string kind, byte[] payload, CancellationToken ct)
    {
        switch (kind)
        {
            case MediaPayload.Histogram:
                var buckets = MediaPayload.ToNumbers(payload);
                return new Tensor(TfDataType.Double, [buckets.Length / 3, 3], buckets, null).Encode();
            case MediaPayload.PrCurve:
                var rows = MediaPayload.ToNumbers(payload);
                return new Tensor(TfDataType.Float, [6, rows.Length / 6], rows, null).Encode();
            case MediaPayload.Text:
                var texts = MediaPayload.ToJson<MediaPayload.Texts>(payload);
                return Tensor.Of(texts.Shape, [.. texts.Values.Select(Encoding.UTF8.GetBytes)]).Encode();
            case MediaPayload.Image:
                var images = MediaPayload.ToJson<MediaPayload.Files>(payload);
                return Tensor.Of([images.Items.Count + 2], [Number(images.Width), Number(images.Height), .. await BytesAsync(images, ct)]).Encode();
            case MediaPayload.Audio:
                var clips = MediaPayload.ToJson<MediaPayload.Files>(payload);
                var bytes = await BytesAsync(clips, ct);
                return Tensor.Of([bytes.Count, 2], [.. bytes.SelectMany((clip, i) => (byte[][])[clip, Encoding.UTF8.GetBytes(clips.Items[i].Label ?? "")])]).Encode();
            default:
                return payload;
        }
    }

    private async Task<List<byte[]>> BytesAsync(MediaPayload.Files files, CancellationToken ct)
    {
        var all = new List<byte[]>();
        foreach (var file in files.Items) all.Add(await blobs.ReadAsync(file.Digest, MaxPayload, ct));
        return all;
    }

    private static (string Plugin, TfDataClass DataClass) PluginOf(string kind) => kind switch
    {
        MediaPayload.Histogram => (TfPlugins.Histograms, TfDataClass.Tensor),
        MediaPayload.Text => (TfPlugins.Text, TfDataClass.Tensor),
        MediaPayload.Image => (TfPlugins.Images, TfDataClass.BlobSequence),
        MediaPayload.Audio => (TfPlugins.Audio, TfDataClass.BlobSequence),
        MediaPayload.PrCurve => (TfPlugins.PrCurves, TfDataClass.Tensor),
        _ => ("pilothouse", TfDataClass.Tensor),
    };

    /// <summary><c>PrCurvePluginData.num_thresholds</c>, without which TensorBoard draws no curve.</summary>
    private static byte[] Thresholds(byte[] payload)
    {
        var count = payload.Length / 8 / 6;
        var content = new List<byte> { 0x10 };
        for (; count >= 0x80; count >>= 7) content.Add((byte)(count | 0x80));
        content.Add((byte)count);
        return [.. content];
    }

    private static byte[] Number(int value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    private static double Seconds(long ms) => ms / 1000.0;
}
