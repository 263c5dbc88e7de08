using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Pilothouse.Datasets;

/// <summary>
/// Digests of cells and rows that do not depend on how the file writes them: the order of fields, white space, escapes, <c>1.0</c> for <c>1</c>. A field that is null is as good
/// as absent, at any depth. A cell's digest is the first half of the SHA-256 of its field's name and canonical value; a row's is the sum of its cells'. Not thread-safe.
/// </summary>
public sealed class RowHasher
{
    private static readonly SearchValues<byte> Integer = SearchValues.Create("-0123456789"u8);

    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Dictionary<string, byte[]> _names = new(StringComparer.Ordinal);

    /// <summary>Digest of a row.</summary>
    public UInt128 Row(DataRow row)
    {
        var sum = UInt128.Zero;
        foreach (var (name, value) in row.Fields)
            if (!IsNull(value)) sum = unchecked(sum + Cell(name, value));
        return sum;
    }

    /// <summary>Digest of some fields of a row; one that is absent counts as null.</summary>
    public UInt128 Row(DataRow row, IReadOnlyList<string> fields)
    {
        var sum = UInt128.Zero;
        foreach (var (name, value) in row.Fields)
            if (!IsNull(value) && fields.Contains(name)) sum = unchecked(sum + Cell(name, value));
        return sum;
    }

    public UInt128 Cell(string name, JsonElement value)
    {
        _buffer.ResetWrittenCount();
        if (!_names.TryGetValue(name, out var bytes))
        {
            bytes = Encoding.UTF8.GetBytes(name);
            if (_names.Count < RowReader.MaxFields) _names.Add(name, bytes);
        }
        Text(bytes);
        Write(value);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(_buffer.WrittenSpan, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    /// <summary>Digest of a text under a seed: what decides a row's split.</summary>
    public static ulong Uniform(ulong seed, ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[32];
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> head = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(head, seed);
        sha.AppendData(head);
        sha.AppendData(text);
        sha.GetHashAndReset(hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    internal static bool IsNull(JsonElement value) => value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    private void Write(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                var raw = JsonMarshal.GetRawUtf8Value(value);
                if (raw.Contains((byte)'\\')) Text(Encoding.UTF8.GetBytes(value.GetString()!));
                else Text(raw[1..^1]);
                break;
            case JsonValueKind.Number:
                Number(value);
                break;
            case JsonValueKind.Array:
                Byte('[');
                foreach (var item in value.EnumerateArray()) Write(item);
                Byte(']');
                break;
            case JsonValueKind.Object:
                Byte('{');
                foreach (var property in value.EnumerateObject().Where(p => !IsNull(p.Value)).OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    Text(Encoding.UTF8.GetBytes(property.Name));
                    Write(property.Value);
                }
                Byte('}');
                break;
            default:
                Byte(value.ValueKind switch { JsonValueKind.True => 't', JsonValueKind.False => 'f', _ => 'z' });
                break;
        }
    }

    private void Number(JsonElement value)
    {
        var raw = JsonMarshal.GetRawUtf8Value(value);
        Byte('n');
        if (!raw.ContainsAnyExcept(Integer) && !raw.SequenceEqual("-0"u8)) Put(raw);
        else if (value.TryGetDouble(out var number) && double.IsFinite(number))
            Put(Encoding.ASCII.GetBytes(number == Math.Floor(number) && Math.Abs(number) < 1e15 ? ((long)number).ToString(CultureInfo.InvariantCulture) : number.ToString("R", CultureInfo.InvariantCulture)));
        else Put(raw);
        Byte('\0');
    }

    /// <summary>With its length first, so that no two values are written alike.</summary>
    private void Text(ReadOnlySpan<byte> text)
    {
        Byte('s');
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.GetSpan(4), text.Length);
        _buffer.Advance(4);
        Put(text);
    }

    private void Put(ReadOnlySpan<byte> bytes) => _buffer.Write(bytes);

    private void Byte(char c)
    {
        _buffer.GetSpan(1)[0] = (byte)c;
        _buffer.Advance(1);
    }
}
