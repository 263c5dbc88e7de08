using System.Text.Json;

namespace Pilothouse.Web.Text;

/// <summary>Values of rows as text.</summary>
internal static class RowText
{
    /// <summary>A value on one line; empty when the row has none.</summary>
    public static string Cell(JsonElement row, string field, int max) => Value(row, field) is { } text ? Format.Clip(text.ReplaceLineEndings(" "), max) : "";

    /// <summary>Null when the row has no such value.</summary>
    public static string? Value(JsonElement? row, string field) =>
        row is not { ValueKind: JsonValueKind.Object } fields || !fields.TryGetProperty(field, out var value) ? null : value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => value.GetString(),
            _ => value.GetRawText(),
        };
}
