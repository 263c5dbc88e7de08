using System.Globalization;
using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;

namespace Pilothouse.Datasets.Profiles;

/// <summary>What is in one column, in bounded memory.</summary>
/// <param name="maxValues">Different values that are counted one by one.</param>
internal sealed class ColumnProfiler(string name, int maxValues)
{
    private const int TopValues = 10;
    private const int MaxShown = 200;

    private readonly InferredType _type = new();
    private readonly NumberSketch _numbers = new(), _lengths = new();
    private readonly Dictionary<UInt128, (string Text, long Count)> _values = [];
    private HyperLogLog? _estimate;
    private long _count, _pruned;
    private bool _texts;

    public void Add(JsonElement value, UInt128 digest, bool texts)
    {
        _count++;
        _texts |= texts;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : null;
        if (texts && text is not null)
        {
            _type.AddText(text);
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed)) _numbers.Add(parsed);
        }
        else _type.Add(value);
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)) _numbers.Add(number);
        if (text is not null) _lengths.Add(text.Length);
        else if (value.ValueKind == JsonValueKind.Array) _lengths.Add(value.GetArrayLength());
        Count(value, text, digest);
    }

    public DatasetColumn Summary(long rows)
    {
        var type = _type.Describe(_texts);
        return new DatasetColumn(name, type, _count, rows - _count, _estimate is null ? _values.Count : Math.Min(_count, (long)Math.Round(_estimate.Estimate())), _estimate is not null)
        {
            // The numbers of a CSV column count only when it is one of numbers.
            Numbers = _texts && type is not ("integer" or "number") ? null : _numbers.Summary(),
            Lengths = _texts && type != "string" ? null : _lengths.Summary(),
            Top = [.. _values.Values.Where(v => v.Count > 1).OrderByDescending(v => v.Count).ThenBy(v => v.Text, StringComparer.Ordinal).Take(TopValues).Select(v => new TopValue(v.Text, v.Count))],
            TopIsEstimate = _pruned > 0,
        };
    }

    /// <summary>Exact until there are too many; then the rare ones are dropped (lossy counting), and the number of different ones is estimated.</summary>
    private void Count(JsonElement value, string? text, UInt128 digest)
    {
        _estimate?.Add((ulong)digest);
        if (_values.TryGetValue(digest, out var held))
        {
            _values[digest] = held with { Count = held.Count + 1 };
            return;
        }
        if (_values.Count == maxValues)
        {
            if (_estimate is null)
            {
                _estimate = new HyperLogLog();
                foreach (var key in _values.Keys) _estimate.Add((ulong)key);
                _estimate.Add((ulong)digest);
            }
            _pruned++;
            foreach (var rare in _values.Where(v => v.Value.Count <= _pruned).Select(v => v.Key).ToList()) _values.Remove(rare);
            if (_values.Count == maxValues) return;
        }
        _values.Add(digest, (Shown(text ?? value.GetRawText()), 1));
    }

    private static string Shown(string text) => text.Length <= MaxShown ? text : text[..MaxShown];
}
