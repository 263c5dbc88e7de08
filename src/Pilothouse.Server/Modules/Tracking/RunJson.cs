using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>
/// Writes runs as MLflow's JSON straight from the database: params, tags and metrics go from its bytes into the answer, with no objects or strings in between. Each is read
/// for many runs at once, in the order of its table, into a buffer of JSON arrays, of which each run then takes its own.
/// </summary>
internal sealed class RunJson(MetricNames names)
{
    /// <summary>Runs whose data is in memory at once.</summary>
    private const int RunsAtOnce = 1000;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private static readonly JsonEncodedText Key = JsonEncodedText.Encode("key");
    private static readonly JsonEncodedText Value = JsonEncodedText.Encode("value");
    private static readonly JsonEncodedText Timestamp = JsonEncodedText.Encode("timestamp");
    private static readonly JsonEncodedText Step = JsonEncodedText.Encode("step");
    private static readonly JsonEncodedText NaN = JsonEncodedText.Encode("NaN");

    /// <summary>The answer of <c>runs/search</c>.</summary>
    public async Task WriteAsync(DbSession session, List<RunStore.RunRow> runs, string? nextToken, PipeWriter output, CancellationToken ct)
    {
        await using var json = new Utf8JsonWriter(output, Options);
        if (runs.Count == 0) json.WriteStartObject();
        else
        {
            var isFirst = true;
            foreach (var chunk in runs.Chunk(RunsAtOnce))
            {
                var ids = chunk.Select(r => r.Num).Order().ToArray();
                using var tags = await PairsAsync(session, "trk_tag", ids);
                using var parameters = await PairsAsync(session, "trk_param", ids);
                using var metrics = await MetricsAsync(session, ids);
                await RunInputStore.AddToAsync(session, chunk.ToDictionary(r => r.Num), ids, modelInputs: false);
                // Nothing is written before the first data is there: until then an error can still be answered.
                if (isFirst)
                {
                    json.WriteStartObject();
                    json.WriteStartArray("runs"u8);
                    isFirst = false;
                }
                foreach (var run in chunk) Write(json, run, metrics, parameters, tags);
                await json.FlushAsync(ct);
                await output.FlushAsync(ct);
            }
            json.WriteEndArray();
        }
        if (nextToken is not null) json.WriteString("next_page_token"u8, nextToken);
        json.WriteEndObject();
        await json.FlushAsync(ct);
    }

    private static void Write(Utf8JsonWriter json, RunStore.RunRow run, Arrays metrics, Arrays parameters, Arrays tags)
    {
        json.WriteStartObject();
        json.WriteStartObject("info"u8);
        json.WriteString("run_uuid"u8, run.Id);
        json.WriteString("experiment_id"u8, run.Experiment.ToString(CultureInfo.InvariantCulture));
        json.WriteString("run_name"u8, run.Name);
        json.WriteString("user_id"u8, run.UserId);
        json.WriteString("status"u8, run.Status);
        json.WriteNumber("start_time"u8, run.StartMs);
        if (run.EndMs is { } end) json.WriteNumber("end_time"u8, end);
        json.WriteString("artifact_uri"u8, run.ArtifactUri);
        json.WriteString("lifecycle_stage"u8, run.Lifecycle);
        json.WriteString("run_id"u8, run.Id);
        json.WriteEndObject();
        json.WriteStartObject("data"u8);
        metrics.Write(json, "metrics"u8, run.Num);
        parameters.Write(json, "params"u8, run.Num);
        tags.Write(json, "tags"u8, run.Num);
        json.WriteEndObject();
        json.WriteStartObject("inputs"u8);
        WriteList(json, "dataset_inputs"u8, run.DatasetInputs);
        json.WriteEndObject();
        json.WriteStartObject("outputs"u8);
        WriteList(json, "model_outputs"u8, run.ModelOutputs);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteList<T>(Utf8JsonWriter json, ReadOnlySpan<byte> name, List<T> items)
    {
        if (items.Count == 0) return;
        json.WritePropertyName(name);
        JsonSerializer.Serialize(json, items, MlflowJson.Options);
    }

    private static async Task<Arrays> PairsAsync(DbSession session, string table, long[] ids)
    {
        var arrays = new Arrays();
        await session.ScanAsync($"SELECT run, key, value FROM {table} WHERE run {{0}} ORDER BY run, key", ids, row =>
        {
            var json = arrays.Of(row.Integer(0));
            json.WriteStartObject();
            json.WriteString(Key, row.Utf8(1));
            json.WriteString(Value, row.Utf8(2));
            json.WriteEndObject();
        });
        arrays.End();
        return arrays;
    }

    private async Task<Arrays> MetricsAsync(DbSession session, long[] ids)
    {
        while (true)
        {
            var arrays = new Arrays();
            HashSet<long>? unknown = null;
            await session.ScanAsync("SELECT run, key, time_ms, step, value, is_nan FROM trk_latest WHERE run {0} ORDER BY run, key", ids, row =>
            {
                if (!names.TryGet(row.Integer(1), out var name))
                {
                    (unknown ??= []).Add(row.Integer(1));
                    return;
                }
                var json = arrays.Of(row.Integer(0));
                json.WriteStartObject();
                json.WriteString(Key, name);
                if (row.Integer(5) == 0) json.WriteNumber(Value, row.Real(4));
                else json.WriteString(Value, NaN);
                json.WriteNumber(Timestamp, row.Integer(2));
                json.WriteNumber(Step, row.Integer(3));
                json.WriteEndObject();
            });
            arrays.End();
            if (unknown is null) return arrays;
            arrays.Dispose();
            await names.LoadAsync(session, unknown); // only keys that this process has not met yet
        }
    }

    /// <summary>A JSON array for each run, one behind the other in one buffer.</summary>
    private sealed class Arrays : IDisposable
    {
        private readonly ArrayBufferWriter<byte> _bytes = new(64 * 1024);
        private readonly Dictionary<long, (int Start, int Length)> _places = [];
        private readonly Utf8JsonWriter _json;
        private long? _run;
        private int _start;

        public Arrays()
        {
            _json = new Utf8JsonWriter(_bytes, Options);
            _json.WriteStartArray(); // one array around all, so that the writer stays in order
        }

        private int Position => (int)(_json.BytesCommitted + _json.BytesPending);

        /// <summary>The writer, inside the array of this run. Rows come run by run.</summary>
        public Utf8JsonWriter Of(long run)
        {
            if (run == _run) return _json;
            Close();
            _json.WriteStartArray();
            (_run, _start) = (run, Position - 1);
            return _json;
        }

        public void End()
        {
            Close();
            _json.Flush();
        }

        public void Dispose() => _json.Dispose();

        public void Write(Utf8JsonWriter json, ReadOnlySpan<byte> name, long run)
        {
            if (!_places.TryGetValue(run, out var place)) return;
            json.WritePropertyName(name);
            json.WriteRawValue(_bytes.WrittenSpan.Slice(place.Start, place.Length), skipInputValidation: true);
        }

        private void Close()
        {
            if (_run is not { } run) return;
            _json.WriteEndArray();
            _places[run] = (_start, Position - _start);
            _run = null;
        }
    }
}
