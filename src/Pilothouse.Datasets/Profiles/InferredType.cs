using System.Globalization;
using System.Text.Json;

namespace Pilothouse.Datasets.Profiles;

/// <summary>The shape of the values of a column: a scalar's name, <c>[integer]</c>, <c>{role: string, content: string}</c>; several with a bar between.</summary>
internal sealed class InferredType
{
    private const int MaxDepth = 6;
    private const int MaxFields = 100;
    private const int MaxItems = 100;

    private readonly SortedSet<string> _kinds = new(StringComparer.Ordinal);
    private Dictionary<string, InferredType>? _fields;
    private InferredType? _item;

    /// <summary>Of a file of texts: all so far look like this.</summary>
    private bool _integers = true, _numbers = true, _booleans = true;

    public void Add(JsonElement value, int depth = 0)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when depth < MaxDepth:
                _fields ??= new(StringComparer.Ordinal);
                foreach (var property in value.EnumerateObject())
                {
                    if (!_fields.TryGetValue(property.Name, out var field))
                    {
                        if (_fields.Count == MaxFields) continue;
                        _fields.Add(property.Name, field = new InferredType());
                    }
                    field.Add(property.Value, depth + 1);
                }
                break;
            case JsonValueKind.Array when depth < MaxDepth:
                _item ??= new InferredType();
                foreach (var item in value.EnumerateArray().Take(MaxItems)) _item.Add(item, depth + 1);
                break;
            case JsonValueKind.Null or JsonValueKind.Undefined: break;
            default: _kinds.Add(KindOf(value)); break;
        }
    }

    /// <summary>A value of a CSV file, which knows only texts.</summary>
    public void AddText(string text)
    {
        _kinds.Add("string");
        if (_integers && !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)) _integers = false;
        if (_numbers && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)) _numbers = false;
        if (_booleans && text is not ("true" or "false" or "True" or "False" or "TRUE" or "FALSE")) _booleans = false;
    }

    /// <param name="texts">Everything was added as text.</param>
    public string Describe(bool texts)
    {
        if (texts && _kinds.Count > 0) return _integers ? "integer" : _numbers ? "number" : _booleans ? "boolean" : "string";
        return ToString();
    }

    public override string ToString()
    {
        var kinds = _kinds.Where(k => k != "integer" || !_kinds.Contains("number")).ToList();
        if (_item is not null) kinds.Add($"[{_item}]");
        if (_fields is not null) kinds.Add($"{{{string.Join(", ", _fields.Select(f => $"{f.Key}: {f.Value}"))}{(_fields.Count == MaxFields ? ", ..." : "")}}}");
        return kinds.Count == 0 ? "null" : string.Join('|', kinds);
    }

    private static string KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => "string",
        JsonValueKind.Number => value.TryGetInt64(out _) ? "integer" : "number",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "json", // nested too deep to be described
    };
}
