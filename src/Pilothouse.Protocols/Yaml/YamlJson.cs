using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Pilothouse.Protocols.Yaml;

/// <summary>A YAML node as JSON by YAML 1.2's core schema: unquoted numbers, true, false and null keep their type, the rest is text.</summary>
internal static class YamlJson
{
    public static JsonElement ToElement(YamlNode node)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            Write(writer, node);
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    // Recursion is bounded: YamlTree.MaxDepth counts what aliases expand to.
    private static void Write(Utf8JsonWriter writer, YamlNode node)
    {
        switch (node)
        {
            case YamlSequence sequence:
                writer.WriteStartArray();
                foreach (var item in sequence.Items)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case YamlMapping mapping:
                writer.WriteStartObject();
                foreach (var entry in mapping.Entries)
                {
                    writer.WritePropertyName(entry.Key.Text);
                    Write(writer, entry.Value);
                }

                writer.WriteEndObject();
                break;
            case YamlScalar scalar:
                WriteScalar(writer, scalar);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, YamlScalar scalar)
    {
        if (scalar.IsNull)
            writer.WriteNullValue();
        else if (scalar.IsPlain && scalar.Text is "true" or "True" or "TRUE")
            writer.WriteBooleanValue(true);
        else if (scalar.IsPlain && scalar.Text is "false" or "False" or "FALSE")
            writer.WriteBooleanValue(false);
        else if (scalar.IsPlain && long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            writer.WriteNumberValue(integer);
        else if (scalar.IsPlain && IsNumber(scalar.Text, out var number))
            writer.WriteNumberValue(number);
        else
            writer.WriteStringValue(scalar.Text);
    }

    private static bool IsNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number)
        && double.IsFinite(number);
}
