using System.Text.Json;
using Pilothouse.Datasets;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Writes a row for the eye: long values are cut, so that a page of rows stays a page.</summary>
internal static class RowClipper
{
    /// <summary>Characters shown of one value.</summary>
    public const int MaxValue = 4_000;

    /// <summary>Fields shown of one row.</summary>
    public const int MaxFields = 200;

    public static void Write(Utf8JsonWriter json, DataRow row)
    {
        json.WriteStartObject();
        foreach (var (name, value) in row.Fields.Take(MaxFields))
        {
            json.WritePropertyName(name);
            if (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > MaxValue } text) json.WriteStringValue(Cut(text));
            else if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array && value.GetRawText() is { Length: > MaxValue } raw) json.WriteStringValue(Cut(raw));
            else value.WriteTo(json);
        }
        json.WriteEndObject();
    }

    private static string Cut(string text) => $"{text[..(char.IsHighSurrogate(text[MaxValue - 1]) ? MaxValue - 1 : MaxValue)]}… ({text.Length} characters)";
}
