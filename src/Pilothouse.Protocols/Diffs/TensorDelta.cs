using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Diffs;

/// <summary>How far two tensors of the same shape and type are apart.</summary>
/// <param name="IsSame">Byte for byte.</param>
/// <param name="L2">Euclidean norm of the difference; null for elements whose numbers are not known here (quantised blocks, varints).</param>
/// <param name="BaseL2">Euclidean norm of the first tensor.</param>
/// <param name="MaxAbs">Largest absolute difference of one element.</param>
/// <param name="NotFinite">Elements with NaN or infinity on one side: left out of the norms.</param>
public sealed record TensorDelta(bool IsSame, double? L2, double? BaseL2, double? MaxAbs, long NotFinite)
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Relative to the first tensor; null when that is zero or there are no norms.</summary>
    public double? RelativeL2 => L2 is { } l2 && BaseL2 is > 0 and { } by ? l2 / by : null;

    /// <summary>Reads both tensors a megabyte at a time: the first time only whether they are the same, and again for the norms when they are not.</summary>
    /// <param name="a">Seekable; so is <paramref name="b"/>.</param>
    /// <exception cref="EndOfStreamException">A file is shorter than its header says.</exception>
    public static async Task<TensorDelta> ReadAsync(Stream a, TensorInfo ofA, Stream b, TensorInfo ofB, CancellationToken ct)
    {
        if (ofA.Length != ofB.Length || ofA.Dtype != ofB.Dtype) throw new ArgumentException("The tensors must have the same type and length.", nameof(ofB));
        var pool = ArrayPool<byte>.Shared;
        var (left, right) = (pool.Rent(ChunkBytes), pool.Rent(ChunkBytes));
        try
        {
            if (await IsSameAsync(a, ofA, b, ofB, left, right, ct).ConfigureAwait(false)) return new TensorDelta(true, 0, null, 0, 0);
            var dtype = Sums.NameOf(ofA.Dtype);
            if (!Sums.Knows(dtype) || ofA.IsEncoded || ofB.IsEncoded) return new TensorDelta(false, null, null, null, 0);
            var sums = new Sums();
            (a.Position, b.Position) = (ofA.Offset, ofB.Offset);
            for (var rest = ofA.Length; rest > 0;)
            {
                var count = (int)Math.Min(rest, ChunkBytes);
                await ReadAsync(a, left, b, right, count, ct).ConfigureAwait(false);
                sums.Add(dtype, left.AsSpan(0, count), right.AsSpan(0, count));
                rest -= count;
            }
            return new TensorDelta(false, Math.Sqrt(sums.Difference), Math.Sqrt(sums.Base), sums.Max, sums.NotFinite);
        }
        finally
        {
            pool.Return(left);
            pool.Return(right);
        }
    }

    private static async Task<bool> IsSameAsync(Stream a, TensorInfo ofA, Stream b, TensorInfo ofB, byte[] left, byte[] right, CancellationToken ct)
    {
        (a.Position, b.Position) = (ofA.Offset, ofB.Offset);
        for (var rest = ofA.Length; rest > 0;)
        {
            var count = (int)Math.Min(rest, ChunkBytes);
            await ReadAsync(a, left, b, right, count, ct).ConfigureAwait(false);
            if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count))) return false;
            rest -= count;
        }
        return true;
    }

    private static async Task ReadAsync(Stream a, byte[] left, Stream b, byte[] right, int count, CancellationToken ct)
    {
        await a.ReadExactlyAsync(left.AsMemory(0, count), ct).ConfigureAwait(false);
        await b.ReadExactlyAsync(right.AsMemory(0, count), ct).ConfigureAwait(false);
    }

    /// <summary>Running sums over the elements of two tensors, little-endian.</summary>
    private sealed class Sums
    {
        private static readonly Dictionary<string, int> Widths = new()
        {
            ["F64"] = 8,
            ["F32"] = 4,
            ["F16"] = 2,
            ["BF16"] = 2,
            ["I64"] = 8,
            ["U64"] = 8,
            ["I32"] = 4,
            ["U32"] = 4,
            ["I16"] = 2,
            ["U16"] = 2,
            ["I8"] = 1,
            ["U8"] = 1,
            ["BOOL"] = 1,
        };

        public double Difference { get; private set; }

        public double Base { get; private set; }

        public double Max { get; private set; }

        public long NotFinite { get; private set; }

        /// <summary>ONNX names the same types otherwise.</summary>
        public static string NameOf(string dtype) => dtype switch
        {
            "FLOAT" => "F32",
            "DOUBLE" => "F64",
            "FLOAT16" => "F16",
            "BFLOAT16" => "BF16",
            "INT8" or "INT16" or "INT32" or "INT64" => "I" + dtype[3..],
            "UINT8" or "UINT16" or "UINT32" or "UINT64" => "U" + dtype[4..],
            _ => dtype,
        };

        public static bool Knows(string dtype) => Widths.ContainsKey(dtype);

        public void Add(string dtype, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
        {
            switch (dtype)
            {
                case "F32" when BitConverter.IsLittleEndian:
                    var fa = MemoryMarshal.Cast<byte, float>(a);
                    var fb = MemoryMarshal.Cast<byte, float>(b);
                    for (var i = 0; i < fa.Length; i++) Add(fa[i], fb[i]);
                    break;
                case "BF16" when BitConverter.IsLittleEndian:
                    var ba = MemoryMarshal.Cast<byte, ushort>(a);
                    var bb = MemoryMarshal.Cast<byte, ushort>(b);
                    for (var i = 0; i < ba.Length; i++) Add(BitConverter.Int32BitsToSingle(ba[i] << 16), BitConverter.Int32BitsToSingle(bb[i] << 16));
                    break;
                default:
                    var width = Widths[dtype];
                    for (var at = 0; at + width <= a.Length; at += width) Add(Number(dtype, a[at..]), Number(dtype, b[at..]));
                    break;
            }
        }

        private void Add(double a, double b)
        {
            var difference = b - a;
            if (!double.IsFinite(difference))
            {
                NotFinite++;
                return;
            }
            Base += a * a;
            Difference += difference * difference;
            var size = Math.Abs(difference);
            if (size > Max) Max = size;
        }

        private static double Number(string dtype, ReadOnlySpan<byte> at) => dtype switch
        {
            "F64" => BinaryPrimitives.ReadDoubleLittleEndian(at),
            "F32" => BinaryPrimitives.ReadSingleLittleEndian(at),
            "F16" => (double)BinaryPrimitives.ReadHalfLittleEndian(at),
            "BF16" => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(at) << 16),
            "I64" => BinaryPrimitives.ReadInt64LittleEndian(at),
            "U64" => BinaryPrimitives.ReadUInt64LittleEndian(at),
            "I32" => BinaryPrimitives.ReadInt32LittleEndian(at),
            "U32" => BinaryPrimitives.ReadUInt32LittleEndian(at),
            "I16" => BinaryPrimitives.ReadInt16LittleEndian(at),
            "U16" => BinaryPrimitives.ReadUInt16LittleEndian(at),
            "I8" => (sbyte)at[0],
            _ => at[0],
        };
    }
}
