using System.Text;
using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>The dialect of JSON that MLflow's clients send.</summary>
public static class MlflowBody
{
    private static readonly JsonElement Empty = JsonDocument.Parse("{}").RootElement;

    /// <summary>
    /// Parses a request body. Python's json module writes bare <c>NaN</c> and <c>Infinity</c>, which no JSON parser but its own reads; and old clients send the
    /// object as a string that holds JSON. No body is an empty object.
    /// </summary>
    /// <exception cref="ProtocolFormatException">Not JSON.</exception>
    public static JsonElement Parse(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty) return Empty;
        var element = ParseLenient(body);
        if (element.ValueKind == JsonValueKind.String) element = ParseLenient(Encoding.UTF8.GetBytes(Inner(element)));
        return element.ValueKind == JsonValueKind.Null ? Empty : element;
    }

    private static string Inner(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new ProtocolFormatException("The request body is a text that is not valid Unicode.", e);
        }
    }

    private static JsonElement ParseLenient(ReadOnlyMemory<byte> body)
    {
        try
        {
            return JsonDocument.Parse(body).RootElement;
        }
        catch (JsonException first)
        {
            try
            {
                return JsonDocument.Parse(QuoteBareNumbers(body.Span)).RootElement;
            }
            catch (JsonException)
            {
                throw new ProtocolFormatException($"The request body is not valid JSON: {first.Message}");
            }
        }
    }

    /// <summary><c>{"value": -Infinity}</c> becomes <c>{"value": "-Infinity"}</c>; text inside strings stays.</summary>
    private static byte[] QuoteBareNumbers(ReadOnlySpan<byte> body)
    {
        var result = new List<byte>(body.Length + 16);
        var inString = false;
        for (var i = 0; i < body.Length; i++)
        {
            var length = inString ? 0 : BareNumberAt(body[i..]);
            if (length > 0)
            {
                result.Add((byte)'"');
                result.AddRange(body.Slice(i, length));
                result.Add((byte)'"');
                i += length - 1;
                continue;
            }
            result.Add(body[i]);
            if (inString && body[i] == '\\' && i + 1 < body.Length) result.Add(body[++i]);
            else if (body[i] == '"') inString = !inString;
        }
        return [.. result];
    }

    private static int BareNumberAt(ReadOnlySpan<byte> rest) =>
        rest.StartsWith("NaN"u8) ? 3 : rest.StartsWith("Infinity"u8) ? 8 : rest.StartsWith("-Infinity"u8) ? 9 : 0;
}

/// <summary>The answer that says nothing but "done": <c>{}</c>.</summary>
public sealed record MlflowEmpty
{
    public static MlflowEmpty Instance { get; } = new();
}
