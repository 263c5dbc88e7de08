using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>One metric point.</summary>
/// <param name="Key">Index into <see cref="MlflowBatch.Keys"/>.</param>
/// <param name="Timestamp">Epoch milliseconds.</param>
/// <param name="Value">May be NaN; infinities have become the largest finite numbers, as MLflow stores them.</param>
public readonly record struct MlflowPoint(int Key, long Timestamp, long Step, double Value);

/// <summary>A point that was measured on a logged model, perhaps on a named data set (empty = none).</summary>
public sealed record MlflowModelPoint(string ModelId, string Key, long Timestamp, long Step, double Value, string DatasetName, string DatasetDigest);

/// <summary>Body of <c>runs/log-batch</c>, the hot path of a training.</summary>
/// <param name="Keys">Distinct metric keys, in order of appearance.</param>
public sealed record MlflowBatch(string RunId, IReadOnlyList<string> Keys, MlflowPoint[] Metrics, IReadOnlyList<MlflowPair> Params, IReadOnlyList<MlflowPair> Tags)
{
    private static readonly MlflowSchema Schema = new(
        MlflowField.Text("run_id").Must,
        MlflowField.List("metrics", MlflowField.Text("key").Must, MlflowField.Real("value").Must, MlflowField.Integer("timestamp").Must, MlflowField.Integer("step"),
            MlflowField.Text("model_id"), MlflowField.Text("dataset_name"), MlflowField.Text("dataset_digest")).May,
        MlflowField.List("params", MlflowField.Text("key").Must, MlflowField.Text("value")).May,
        MlflowField.List("tags", MlflowField.Text("key").Must, MlflowField.Text("value")).May);

    /// <summary>Those of the metrics that name a logged model.</summary>
    public IReadOnlyList<MlflowModelPoint> ModelPoints { get; init; } = [];

    /// <summary>Reads a body: fast when it is as clients send it, else by the general reader with its exact errors.</summary>
    /// <exception cref="ProtocolFormatException">Not a log-batch message.</exception>
    public static MlflowBatch Read(ReadOnlyMemory<byte> body) => LogBatchReader.TryRead(body.Span) ?? FromMessage(MlflowMessage.FromJson(MlflowBody.Parse(body), Schema));

    /// <summary>Keeps NaN; turns infinities into ±1.7976931348623157e308.</summary>
    public static double Storable(double value) => double.IsPositiveInfinity(value) ? double.MaxValue : double.IsNegativeInfinity(value) ? double.MinValue : value;

    private static MlflowBatch FromMessage(MlflowMessage message)
    {
        var keys = new List<string>();
        var index = new Dictionary<string, int>(StringComparer.Ordinal);
        var points = message.List("metrics").Select(metric =>
        {
            var key = metric.Text("key");
            if (!index.TryGetValue(key, out var number))
            {
                index[key] = number = keys.Count;
                keys.Add(key);
            }
            return new MlflowPoint(number, metric.Integer("timestamp") ?? 0, metric.Integer("step") ?? 0, Storable(metric.Real("value") ?? 0));
        }).ToArray();
        return new MlflowBatch(message.RunId, keys, points, message.Pairs("params"), message.Pairs("tags"))
        {
            ModelPoints = [.. message.List("metrics").Where(m => m.Text("model_id").Length > 0).Select(m => new MlflowModelPoint(m.Text("model_id"), m.Text("key"), m.Integer("timestamp") ?? 0,
                m.Integer("step") ?? 0, Storable(m.Real("value") ?? 0), m.Text("dataset_name"), m.Text("dataset_digest")))],
        };
    }
}

/// <summary>One pass over the bytes, one string for each distinct key. Gives up (null) on anything unusual: the general reader then finds the words for it.</summary>
internal ref struct LogBatchReader
{
    /// <summary>Longer keys are refused anyway; they take the general path.</summary>
    private const int MaxKeyChars = 512;

    private readonly Dictionary<string, int> _index;
    private readonly List<string> _keys;
    private readonly List<MlflowPoint> _points;
    private List<MlflowModelPoint>? _modelPoints;
    private Utf8JsonReader _json;

    private LogBatchReader(ReadOnlySpan<byte> body)
    {
        _json = new Utf8JsonReader(body);
        _index = new Dictionary<string, int>(StringComparer.Ordinal);
        _keys = [];
        _points = new List<MlflowPoint>(Math.Min(body.Length / 64, 1024));
    }

    public static MlflowBatch? TryRead(ReadOnlySpan<byte> body)
    {
        try
        {
            return new LogBatchReader(body).Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // not JSON, or a text that is not Unicode
        }
    }

    private MlflowBatch? Read()
    {
        string? runId = null;
        List<MlflowPair> parameters = [], tags = [];
        if (!_json.Read() || _json.TokenType != JsonTokenType.StartObject) return null;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var ok = true;
            if (_json.ValueTextEquals("run_id"u8)) ok = ReadText(out runId);
            else if (_json.ValueTextEquals("metrics"u8)) ok = ReadMetrics();
            else if (_json.ValueTextEquals("params"u8)) ok = ReadPairs(parameters);
            else if (_json.ValueTextEquals("tags"u8)) ok = ReadPairs(tags);
            else _json.Skip();
            if (!ok) return null;
        }
        if (_json.TokenType != JsonTokenType.EndObject || _json.Read()) return null;
        return runId is { Length: > 0 } ? new MlflowBatch(runId, _keys, [.. _points], parameters, tags) { ModelPoints = _modelPoints ?? [] } : null;
    }

    private bool ReadText(out string? text)
    {
        text = _json.Read() && _json.TokenType == JsonTokenType.String ? _json.GetString() : null;
        return text is not null;
    }

    private bool ReadOptional(out string? text)
    {
        text = _json.Read() && _json.TokenType == JsonTokenType.String ? _json.GetString() : null;
        return text is not null || _json.TokenType == JsonTokenType.Null;
    }

    private bool ReadMetrics()
    {
        if (!_json.Read() || _json.TokenType != JsonTokenType.StartArray) return false;
        while (_json.Read() && _json.TokenType == JsonTokenType.StartObject)
            if (!ReadMetric()) return false;
        return _json.TokenType == JsonTokenType.EndArray;
    }

    /// <summary>For example <c>{"key": "loss", "value": 0.25, "timestamp": 1700000000000, "step": 7, "run_id": "..."}</c>.</summary>
    private bool ReadMetric()
    {
        int key = -1;
        double? value = null;
        long? timestamp = null;
        long step = 0;
        string? model = null, dataset = null, digest = null;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (_json.ValueTextEquals("key"u8)) key = ReadKey();
            else if (_json.ValueTextEquals("value"u8))
            {
                if (!_json.Read() || _json.TokenType != JsonTokenType.Number) return false;
                value = _json.GetDouble();
            }
            else if (_json.ValueTextEquals("timestamp"u8))
            {
                if (!_json.Read() || _json.TokenType != JsonTokenType.Number || !_json.TryGetInt64(out var number)) return false;
                timestamp = number;
            }
            else if (_json.ValueTextEquals("step"u8))
            {
                if (!_json.Read() || _json.TokenType != JsonTokenType.Number || !_json.TryGetInt64(out step)) return false;
            }
            else if (_json.ValueTextEquals("model_id"u8))
            {
                if (!ReadOptional(out model)) return false;
            }
            else if (_json.ValueTextEquals("dataset_name"u8))
            {
                if (!ReadOptional(out dataset)) return false;
            }
            else if (_json.ValueTextEquals("dataset_digest"u8))
            {
                if (!ReadOptional(out digest)) return false;
            }
            else _json.Skip();
        }
        if (key < 0 || value is not { } v || !double.IsFinite(v) || timestamp is not { } t) return false;
        _points.Add(new MlflowPoint(key, t, step, v));
        if (model is { Length: > 0 }) (_modelPoints ??= []).Add(new MlflowModelPoint(model, _keys[key], t, step, v, dataset ?? "", digest ?? ""));
        return true;
    }

    private int ReadKey()
    {
        if (!_json.Read() || _json.TokenType != JsonTokenType.String || _json.ValueSpan.Length is 0 or > MaxKeyChars) return -1;
        Span<char> buffer = stackalloc char[MaxKeyChars];
        var chars = buffer[.._json.CopyString(buffer)];
        var lookup = _index.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(chars, out var number)) return number;
        number = _keys.Count;
        var key = chars.ToString();
        _keys.Add(key);
        _index.Add(key, number);
        return number;
    }

    private bool ReadPairs(List<MlflowPair> pairs)
    {
        if (!_json.Read() || _json.TokenType != JsonTokenType.StartArray) return false;
        while (_json.Read() && _json.TokenType == JsonTokenType.StartObject)
        {
            string? key = null, value = "";
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                var ok = true;
                if (_json.ValueTextEquals("key"u8)) ok = ReadText(out key);
                else if (_json.ValueTextEquals("value"u8)) ok = ReadText(out value);
                else _json.Skip();
                if (!ok) return false;
            }
            if (key is not { Length: > 0 }) return false;
            pairs.Add(new MlflowPair(key, value!));
        }
        return _json.TokenType == JsonTokenType.EndArray;
    }
}
