using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.JsonSchemas;

/// <summary>Where a value breaks a schema.</summary>
/// <param name="Path">JSON pointer of the value; empty for the whole.</param>
public sealed record SchemaFault(string Path, string Message)
{
    public override string ToString() => $"{(Path.Length == 0 ? "the value" : Path)} {Message}";
}

/// <summary>
/// JSON Schema (2020-12, and what draft 7 and draft 4 share with it): all assertions and applicators, references within the document.
/// <c>format</c> and the other annotations assert nothing, as the standard's default says. Patterns run on the linear-time engine, so they
/// have no look-around and no back-references.
/// </summary>
public sealed class JsonSchema
{
    /// <summary>Faults reported for one value.</summary>
    public const int MaxFaults = 20;

    /// <summary>Depth of values and of schemas within schemas.</summary>
    private const int MaxDepth = 64;

    private static readonly string[] Refused = ["$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems", "contentSchema"];

    private readonly JsonElement _root;
    private readonly Dictionary<string, Regex> _patterns = new(StringComparer.Ordinal);

    private JsonSchema(JsonElement root) => _root = root;

    /// <exception cref="ProtocolFormatException">Not JSON, not a schema, or a keyword that is not supported: ignoring it would pass what it forbids.</exception>
    public static JsonSchema Parse(string json)
    {
        JsonElement root;
        try
        {
            root = JsonElement.Parse(json);
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"The JSON Schema is not JSON: {e.Message}");
        }
        var schema = new JsonSchema(root);
        schema.Examine(root, "#", 0);
        return schema;
    }

    /// <summary>Faults of a value; none = it satisfies the schema.</summary>
    /// <exception cref="ProtocolFormatException">References that lead round in a circle.</exception>
    public IReadOnlyList<SchemaFault> Validate(JsonElement value)
    {
        var faults = new List<SchemaFault>();
        Check(_root, value, "", faults, 0);
        return faults;
    }

    /// <summary>Refuses what could not be checked, and compiles the patterns.</summary>
    private void Examine(JsonElement node, string at, int depth)
    {
        if (depth > MaxDepth) throw new ProtocolFormatException($"The JSON Schema is nested deeper than {MaxDepth} at {at}.");
        if (node.ValueKind is JsonValueKind.True or JsonValueKind.False) return;
        if (node.ValueKind != JsonValueKind.Object) throw new ProtocolFormatException($"The JSON Schema has {Kind(node)} at {at}, where a schema is wanted.");
        foreach (var keyword in node.EnumerateObject())
        {
            var here = $"{at}/{keyword.Name}";
            if (Refused.Contains(keyword.Name)) throw new ProtocolFormatException($"The JSON Schema uses '{keyword.Name}' at {at}, which is not supported. Say it with properties and additionalProperties.");
            CheckShape(keyword.Name, keyword.Value, here);
            switch (keyword.Name)
            {
                case "$ref":
                    Resolve(Text(keyword.Value, here));
                    break;
                case "pattern":
                    Compile(Text(keyword.Value, here));
                    break;
                case "properties" or "patternProperties" or "$defs" or "definitions" or "dependentSchemas":
                    if (keyword.Value.ValueKind != JsonValueKind.Object) throw new ProtocolFormatException($"The JSON Schema has {Kind(keyword.Value)} at {here}, where an object is wanted.");
                    foreach (var one in keyword.Value.EnumerateObject())
                    {
                        if (keyword.Name == "patternProperties") Compile(one.Name);
                        Examine(one.Value, $"{here}/{one.Name}", depth + 1);
                    }
                    break;
                case "allOf" or "anyOf" or "oneOf" or "prefixItems":
                    if (keyword.Value.ValueKind != JsonValueKind.Array) throw new ProtocolFormatException($"The JSON Schema has {Kind(keyword.Value)} at {here}, where a list is wanted.");
                    foreach (var one in keyword.Value.EnumerateArray()) Examine(one, here, depth + 1);
                    break;
                case "items" when keyword.Value.ValueKind == JsonValueKind.Array:
                    foreach (var one in keyword.Value.EnumerateArray()) Examine(one, here, depth + 1);
                    break;
                case "items" or "additionalProperties" or "additionalItems" or "propertyNames" or "contains" or "not" or "if" or "then" or "else":
                    Examine(keyword.Value, here, depth + 1);
                    break;
            }
        }
    }

    /// <summary>Every keyword that asserts something must have the value that the standard gives it; a wrong one would assert nothing.</summary>
    private static void CheckShape(string keyword, JsonElement value, string at)
    {
        static bool IsTexts(JsonElement list) => list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String);
        var isFine = keyword switch
        {
            "type" => value.ValueKind == JsonValueKind.String || IsTexts(value),
            "enum" => value.ValueKind == JsonValueKind.Array,
            "required" => IsTexts(value),
            "minItems" or "maxItems" or "minLength" or "maxLength" or "minProperties" or "maxProperties" or "minContains" or "maxContains" or "minimum" or "maximum" => value.ValueKind == JsonValueKind.Number,
            "multipleOf" => value.ValueKind == JsonValueKind.Number && value.GetDouble() > 0,
            "exclusiveMinimum" or "exclusiveMaximum" => value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False,
            "uniqueItems" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "dependentRequired" => value.ValueKind == JsonValueKind.Object && value.EnumerateObject().All(d => IsTexts(d.Value)),
            _ => true,
        };
        if (!isFine) throw new ProtocolFormatException($"The JSON Schema has {Kind(value)} at {at}, which is no value of '{keyword}'.");
    }

    private void Check(JsonElement schema, JsonElement value, string path, List<SchemaFault> faults, int depth)
    {
        if (depth > MaxDepth) throw new ProtocolFormatException($"The JSON Schema leads deeper than {MaxDepth} levels at '{path}'.");
        if (faults.Count >= MaxFaults) return;
        if (schema.ValueKind == JsonValueKind.True) return;
        if (schema.ValueKind == JsonValueKind.False)
        {
            faults.Add(new SchemaFault(path, "is not allowed"));
            return;
        }
        foreach (var keyword in schema.EnumerateObject())
            if (Keyword(schema, keyword.Name, keyword.Value, value, path, faults, depth) is { } message && faults.Count < MaxFaults) faults.Add(new SchemaFault(path, message));
    }

    /// <returns>What is wrong with the value itself, or null; faults of its parts are added by recursion.</returns>
    private string? Keyword(JsonElement schema, string name, JsonElement rule, JsonElement value, string path, List<SchemaFault> faults, int depth)
    {
        bool Holds(JsonElement one, JsonElement of)
        {
            var own = new List<SchemaFault>();
            Check(one, of, path, own, depth + 1);
            return own.Count == 0;
        }
        switch (name)
        {
            case "$ref":
                Check(Resolve(rule.GetString()!), value, path, faults, depth + 1);
                return null;
            case "type":
                var types = rule.ValueKind == JsonValueKind.Array ? rule.EnumerateArray().ToArray() : [rule];
                return types.Any(t => IsType(value, t.GetString())) ? null : $"is {Kind(value)}, not {string.Join(" or ", types.Select(t => t.GetString()))}";
            case "const":
                return JsonElement.DeepEquals(rule, value) ? null : $"is not {Short(rule)}";
            case "enum":
                return rule.EnumerateArray().Any(e => JsonElement.DeepEquals(e, value)) ? null : $"is none of {Short(rule)}";
            case "allOf":
                foreach (var one in rule.EnumerateArray()) Check(one, value, path, faults, depth + 1);
                return null;
            case "anyOf":
                return rule.EnumerateArray().Any(s => Holds(s, value)) ? null : "satisfies none of anyOf";
            case "oneOf":
                var count = rule.EnumerateArray().Count(s => Holds(s, value));
                return count == 1 ? null : $"satisfies {count} of oneOf, not one";
            case "not":
                return Holds(rule, value) ? "satisfies what 'not' forbids" : null;
            case "if":
                if (schema.TryGetProperty(Holds(rule, value) ? "then" : "else", out var branch)) Check(branch, value, path, faults, depth + 1);
                return null;
        }
        return value.ValueKind switch
        {
            JsonValueKind.Object => OfObject(schema, name, rule, value, path, faults, depth),
            JsonValueKind.Array => OfArray(schema, name, rule, value, path, faults, depth),
            JsonValueKind.String => OfText(name, rule, value.GetString()!),
            JsonValueKind.Number => OfNumber(schema, name, rule, value.GetDouble()),
            _ => null,
        };
    }

    private string? OfObject(JsonElement schema, string name, JsonElement rule, JsonElement value, string path, List<SchemaFault> faults, int depth)
    {
        switch (name)
        {
            case "required" when rule.ValueKind == JsonValueKind.Array:
                var missing = rule.EnumerateArray().Select(r => r.GetString()!).Where(r => !value.TryGetProperty(r, out _)).ToArray();
                return missing.Length == 0 ? null : $"has no {string.Join(", ", missing.Take(5).Select(m => $"'{m}'"))}";
            case "minProperties" when value.GetPropertyCount() < rule.GetDouble():
                return $"has {value.GetPropertyCount()} properties, fewer than {rule}";
            case "maxProperties" when value.GetPropertyCount() > rule.GetDouble():
                return $"has {value.GetPropertyCount()} properties, more than {rule}";
            case "properties":
                foreach (var one in rule.EnumerateObject())
                    if (value.TryGetProperty(one.Name, out var part)) Check(one.Value, part, Pointer(path, one.Name), faults, depth + 1);
                return null;
            case "patternProperties":
                foreach (var one in rule.EnumerateObject())
                    foreach (var part in value.EnumerateObject().Where(p => _patterns[one.Name].IsMatch(p.Name))) Check(one.Value, part.Value, Pointer(path, part.Name), faults, depth + 1);
                return null;
            case "additionalProperties":
                foreach (var part in value.EnumerateObject().Where(p => !IsNamed(schema, p.Name))) Check(rule, part.Value, Pointer(path, part.Name), faults, depth + 1);
                return null;
            case "propertyNames":
                foreach (var part in value.EnumerateObject()) Check(rule, JsonSerializer.SerializeToElement(part.Name), Pointer(path, part.Name), faults, depth + 1);
                return null;
            case "dependentRequired":
                var unmet = rule.EnumerateObject().Where(d => value.TryGetProperty(d.Name, out _)).SelectMany(d => d.Value.EnumerateArray().Select(r => r.GetString()!)).FirstOrDefault(r => !value.TryGetProperty(r, out _));
                return unmet is null ? null : $"has no '{unmet}', which another property demands";
            case "dependentSchemas":
                foreach (var one in rule.EnumerateObject().Where(d => value.TryGetProperty(d.Name, out _))) Check(one.Value, value, path, faults, depth + 1);
                return null;
            default:
                return null;
        }
    }

    private string? OfArray(JsonElement schema, string name, JsonElement rule, JsonElement value, string path, List<SchemaFault> faults, int depth)
    {
        var length = value.GetArrayLength();
        switch (name)
        {
            case "minItems" when length < rule.GetDouble():
                return $"has {length} items, fewer than {rule}";
            case "maxItems" when length > rule.GetDouble():
                return $"has {length} items, more than {rule}";
            case "uniqueItems" when rule.ValueKind == JsonValueKind.True:
                for (var i = 0; i < length; i++)
                    for (var j = 0; j < i; j++)
                        if (JsonElement.DeepEquals(value[i], value[j])) return $"has the item {i} twice";
                return null;
            case "prefixItems" or "items" when rule.ValueKind == JsonValueKind.Array:
                for (var i = 0; i < Math.Min(length, rule.GetArrayLength()); i++) Check(rule[i], value[i], Pointer(path, i), faults, depth + 1);
                return null;
            case "items" or "additionalItems":
                var first = name == "items" ? (schema.TryGetProperty("prefixItems", out var prefix) ? prefix.GetArrayLength() : 0)
                    : schema.TryGetProperty("items", out var items) && items.ValueKind == JsonValueKind.Array ? items.GetArrayLength() : length;
                for (var i = first; i < length; i++) Check(rule, value[i], Pointer(path, i), faults, depth + 1);
                return null;
            case "contains":
                var found = value.EnumerateArray().Count(v => IsValid(rule, v, depth));
                var (least, most) = (schema.TryGetProperty("minContains", out var min) ? min.GetDouble() : 1, schema.TryGetProperty("maxContains", out var max) ? max.GetDouble() : double.MaxValue);
                return found >= least && found <= most ? null : $"has {found} items of the kind that 'contains' wants";
            default:
                return null;
        }
    }

    private string? OfText(string name, JsonElement rule, string text)
    {
        var length = name is "minLength" or "maxLength" ? text.EnumerateRunes().Count() : 0;
        return name switch
        {
            "minLength" when length < rule.GetDouble() => $"has {length} characters, fewer than {rule}",
            "maxLength" when length > rule.GetDouble() => $"has {length} characters, more than {rule}",
            "pattern" when !_patterns[rule.GetString()!].IsMatch(text) => $"does not match {rule.GetString()}",
            _ => null,
        };
    }

    private static string? OfNumber(JsonElement schema, string name, JsonElement rule, double number)
    {
        // Draft 4 writes exclusiveMinimum: true beside minimum.
        bool IsExclusive(string keyword) => schema.TryGetProperty(keyword, out var flag) && flag.ValueKind == JsonValueKind.True;
        var limit = rule.ValueKind == JsonValueKind.Number ? rule.GetDouble() : double.NaN;
        return name switch
        {
            "minimum" when number < limit || (number == limit && IsExclusive("exclusiveMinimum")) => $"is {N(number)}, less than {rule}",
            "maximum" when number > limit || (number == limit && IsExclusive("exclusiveMaximum")) => $"is {N(number)}, more than {rule}",
            "exclusiveMinimum" when number <= limit => $"is {N(number)}, not above {rule}",
            "exclusiveMaximum" when number >= limit => $"is {N(number)}, not below {rule}",
            "multipleOf" when Math.Abs(number / limit - Math.Round(number / limit)) > 1e-9 => $"is {N(number)}, no multiple of {rule}",
            _ => null,
        };
    }

    private bool IsValid(JsonElement schema, JsonElement value, int depth)
    {
        var own = new List<SchemaFault>();
        Check(schema, value, "", own, depth + 1);
        return own.Count == 0;
    }

    private bool IsNamed(JsonElement schema, string name) => (schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out _))
        || (schema.TryGetProperty("patternProperties", out var patterns) && patterns.EnumerateObject().Any(p => _patterns[p.Name].IsMatch(name)));

    /// <summary><c>#/$defs/address</c>; other documents are not fetched.</summary>
    private JsonElement Resolve(string reference)
    {
        if (reference == "#") return _root;
        if (!reference.StartsWith("#/", StringComparison.Ordinal)) throw new ProtocolFormatException($"The JSON Schema refers to '{reference}'; only references within the document (#/$defs/NAME) are followed.");
        var at = _root;
        foreach (var part in reference[2..].Split('/'))
        {
            var key = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.ValueKind == JsonValueKind.Object && at.TryGetProperty(key, out var next)) at = next;
            else if (at.ValueKind == JsonValueKind.Array && int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < at.GetArrayLength()) at = at[index];
            else throw new ProtocolFormatException($"The JSON Schema refers to '{reference}', which is not there.");
        }
        return at;
    }

    private void Compile(string pattern)
    {
        try
        {
            _patterns[pattern] = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ProtocolFormatException($"The JSON Schema has a pattern that cannot be run safely: {Short(pattern)}");
        }
    }

    private static bool IsType(JsonElement value, string? type) => type switch
    {
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && Math.Floor(number) == number,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => Kind(value) == type,
    };

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => value.ValueKind.ToString().ToLowerInvariant(),
    };

    private static string Text(JsonElement value, string at) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new ProtocolFormatException($"The JSON Schema has {Kind(value)} at {at}, where a text is wanted.");

    private static string Pointer(string path, object part) => string.Create(CultureInfo.InvariantCulture, $"{path}/{part}");

    private static string Short(JsonElement value) => Short(value.GetRawText());

    private static string Short(string text) => text.Length <= 120 ? text : text[..117] + "...";

    private static string N(double value) => value.ToString(CultureInfo.InvariantCulture);
}
