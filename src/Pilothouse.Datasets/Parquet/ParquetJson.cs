using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Pilothouse.Protocols.Parquet;

namespace Pilothouse.Datasets.Parquet;

/// <summary>
/// Values as JSON: times in ISO 8601, decimals as numbers, bytes without a type as Base64; what is no number (NaN, infinity) is null.
/// See <see href="https://github.com/apache/parquet-format/blob/master/LogicalTypes.md"/>.
/// </summary>
internal static class ParquetJson
{
    private const long TicksPerDay = TimeSpan.TicksPerDay;

    public static void Write(Utf8JsonWriter json, ParquetElement element, ParquetValues values, int at)
    {
        switch (element.Type)
        {
            case 0: json.WriteBooleanValue(values.Numbers[at] != 0); break;
            case 1 or 2: Integer(json, element, values.Numbers[at]); break;
            case 3: Int96(json, Bytes(values, at)); break;
            case 4: Real(json, BitConverter.Int32BitsToSingle((int)values.Numbers[at])); break;
            case 5: Real(json, BitConverter.Int64BitsToDouble(values.Numbers[at])); break;
            default: Binary(json, element, Bytes(values, at)); break;
        }
    }

    private static ReadOnlySpan<byte> Bytes(ParquetValues values, int at) => values.Buffer.AsSpan(values.Slices[at].Start, values.Slices[at].Length);

    private static void Integer(Utf8JsonWriter json, ParquetElement element, long value)
    {
        var unit = element.Unit ?? (element.Converted is 7 or 9 ? 1 : 2);
        if (element.Logical == 6 || element.Converted == 6) Date(json, value);
        else if (element.Logical == 8 || element.Converted is 9 or 10) Timestamp(json, value, unit);
        else if (element.Logical == 7 || element.Converted is 7 or 8) json.WriteStringValue(TimeOnly.FromTimeSpan(new TimeSpan(Math.Abs(Ticks(value, unit)) % TicksPerDay)).ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture));
        else if (element.Logical == 5 || element.Converted == 5) Decimal(json, value, element.Scale ?? 0);
        else if (element.Converted == 14) json.WriteNumberValue((ulong)value);
        else if (element.Converted == 13) json.WriteNumberValue((uint)value);
        else json.WriteNumberValue(value);
    }

    private static long Ticks(long value, int unit) => unit switch { 1 => value > long.MaxValue / 10_000 || value < long.MinValue / 10_000 ? long.MaxValue : value * 10_000, 3 => value / 100, _ => value > long.MaxValue / 10 || value < long.MinValue / 10 ? long.MaxValue : value * 10 };

    private static void Date(Utf8JsonWriter json, long days)
    {
        var number = DateTime.UnixEpoch.Ticks / TicksPerDay + days;
        if (number is < 0 or > 3_652_058) json.WriteNumberValue(days);
        else json.WriteStringValue(DateOnly.FromDayNumber((int)number).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
    }

    private static void Timestamp(Utf8JsonWriter json, long value, int unit)
    {
        var ticks = Ticks(value, unit);
        if (ticks > DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks || ticks < -DateTime.UnixEpoch.Ticks) json.WriteNumberValue(value);
        else json.WriteStringValue(new DateTime(DateTime.UnixEpoch.Ticks + ticks).ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture));
    }

    /// <summary>Nanoseconds of the day and the Julian day: timestamps of old writers.</summary>
    private static void Int96(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
    {
        var ticks = BinaryPrimitives.ReadInt64LittleEndian(bytes) / 100;
        var day = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) - 2_440_588L;
        if (day is < -719_162 or > 2_932_896 || ticks is < 0 or >= TicksPerDay) json.WriteStringValue(Convert.ToHexStringLower(bytes));
        else Timestamp(json, (day * TicksPerDay + ticks) / 10, 2);
    }

    private static void Real(Utf8JsonWriter json, float value)
    {
        if (float.IsFinite(value)) json.WriteNumberValue(value);
        else json.WriteNullValue();
    }

    private static void Real(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value)) json.WriteNumberValue(value);
        else json.WriteNullValue();
    }

    private static void Binary(Utf8JsonWriter json, ParquetElement element, ReadOnlySpan<byte> bytes)
    {
        if (element.Logical == 5 || element.Converted == 5) Decimal(json, new BigInteger(bytes[..Math.Min(bytes.Length, 64)], isUnsigned: false, isBigEndian: true), element.Scale ?? 0);
        else if (element.Logical == 14 && bytes.Length == 16) json.WriteStringValue(new Guid(bytes, bigEndian: true));
        else if (element.Logical == 15 && bytes.Length == 2) Real(json, (float)BinaryPrimitives.ReadHalfLittleEndian(bytes));
        else if ((element.Logical == 12 || element.Converted == 19) && IsJson(bytes)) json.WriteRawValue(bytes, skipInputValidation: true);
        else if ((element.Logical is 1 or 4 or 12 || element.Converted is 0 or 4 or 19) && System.Text.Unicode.Utf8.IsValid(bytes)) json.WriteStringValue(bytes);
        else json.WriteBase64StringValue(bytes);
    }

    private static bool IsJson(ReadOnlySpan<byte> bytes)
    {
        if (!System.Text.Unicode.Utf8.IsValid(bytes)) return false;
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 32 });
        try
        {
            var any = false;
            while (reader.Read()) any = true;
            return any;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static void Decimal(Utf8JsonWriter json, BigInteger value, int scale)
    {
        var digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        var text = scale == 0 ? digits : $"{digits[..^scale]}.{digits[^scale..]}";
        json.WriteRawValue(value.Sign < 0 ? "-" + text : text);
    }
}
