using System.Buffers.Binary;
using System.Text;

namespace Pilothouse.Protocols.Parquet;

/// <summary>
/// A Parquet file of one column and one row group, made of the first pages of a larger file: what a reader that trusts its input may be given, since its metadata is ours.
/// </summary>
public static class ParquetSlice
{
    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <param name="element">A leaf directly below the root, not repeated.</param>
    /// <param name="pages">Whole pages of the column, a dictionary first where it has one.</param>
    /// <param name="values">Values in them, nulls included.</param>
    public static byte[] OneColumn(ParquetElement element, ParquetChunk chunk, ReadOnlySpan<byte> pages, int values)
    {
        var thrift = new Writer();
        thrift.Begin();
        thrift.Integer(1, CompactThrift.I32, 1);
        thrift.List(2, CompactThrift.Struct, 2);
        thrift.Begin();
        thrift.Text(4, "schema");
        thrift.Integer(5, CompactThrift.I32, 1);
        thrift.End();
        thrift.Begin();
        thrift.Integer(1, CompactThrift.I32, element.Type);
        thrift.Integer(2, CompactThrift.I32, element.TypeLength);
        thrift.Integer(3, CompactThrift.I32, element.Repetition ?? 0);
        thrift.Text(4, element.Name);
        thrift.Integer(6, CompactThrift.I32, element.Converted);
        thrift.Integer(7, CompactThrift.I32, element.Scale);
        thrift.Integer(8, CompactThrift.I32, element.Precision);
        thrift.End();
        thrift.Integer(3, CompactThrift.I64, values);
        thrift.List(4, CompactThrift.Struct, 1);
        thrift.Begin();
        thrift.List(1, CompactThrift.Struct, 1);
        thrift.Begin();
        thrift.Integer(2, CompactThrift.I64, Magic.Length);
        thrift.Struct(3);
        thrift.Integer(1, CompactThrift.I32, chunk.Type);
        thrift.List(2, CompactThrift.I32, chunk.Encodings.Count);
        foreach (var encoding in chunk.Encodings) thrift.Element(encoding);
        thrift.List(3, CompactThrift.Binary, 1);
        thrift.Element(element.Name);
        thrift.Integer(4, CompactThrift.I32, chunk.Codec);
        thrift.Integer(5, CompactThrift.I64, values);
        thrift.Integer(6, CompactThrift.I64, pages.Length);
        thrift.Integer(7, CompactThrift.I64, pages.Length);
        thrift.Integer(9, CompactThrift.I64, Magic.Length);
        thrift.End();
        thrift.End();
        thrift.Integer(2, CompactThrift.I64, pages.Length);
        thrift.Integer(3, CompactThrift.I64, values);
        thrift.End();
        thrift.End();

        var footer = thrift.ToArray();
        var file = new byte[Magic.Length + pages.Length + footer.Length + 8];
        Magic.CopyTo(file);
        pages.CopyTo(file.AsSpan(Magic.Length));
        footer.CopyTo(file.AsSpan(Magic.Length + pages.Length));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(file.Length - 8), footer.Length);
        Magic.CopyTo(file.AsSpan(file.Length - 4));
        return file;
    }

    /// <summary>Writes Thrift's compact protocol. Fields of a struct come in the order of their ids, less than 15 apart.</summary>
    private sealed class Writer
    {
        private readonly List<byte> _bytes = [];
        private readonly Stack<int> _last = new();

        public void Begin() => _last.Push(0);

        public void End()
        {
            _bytes.Add(0);
            _last.Pop();
        }

        public void Struct(int id)
        {
            Head(id, CompactThrift.Struct);
            Begin();
        }

        /// <summary>Null is left out.</summary>
        public void Integer(int id, int type, long? value)
        {
            if (value is not { } number) return;
            Head(id, type);
            Element(number);
        }

        public void Text(int id, string text)
        {
            Head(id, CompactThrift.Binary);
            Element(text);
        }

        public void List(int id, int element, int count)
        {
            Head(id, CompactThrift.List);
            if (count < 15) _bytes.Add((byte)(count << 4 | element));
            else
            {
                _bytes.Add((byte)(0xF0 | element));
                Varint((ulong)count);
            }
        }

        public void Element(long value) => Varint((ulong)(value << 1 ^ value >> 63));

        public void Element(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Varint((ulong)bytes.Length);
            _bytes.AddRange(bytes);
        }

        public byte[] ToArray() => _bytes.ToArray();

        private void Head(int id, int type)
        {
            _bytes.Add((byte)(id - _last.Pop() << 4 | type));
            _last.Push(id);
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
            _bytes.Add((byte)value);
        }
    }
}
