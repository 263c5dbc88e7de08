using System.Globalization;
using System.Text;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>
/// The forms of before 2019, which PyTorch's writer still writes, as the tensors into which TensorBoard migrates them on reading
/// (<see href="https://github.com/tensorflow/tensorboard/blob/master/tensorboard/data_compat.py"/>).
/// </summary>
internal static class LegacyValues
{
    public static SummaryMetadata MetadataOf(TfValueKind kind, string tag, SummaryMetadata? given)
    {
        var (plugin, content, dataClass) = kind switch
        {
            TfValueKind.Histogram => (TfPlugins.Histograms, Array.Empty<byte>(), TfDataClass.Tensor),
            TfValueKind.Image => (TfPlugins.Images, [0x10, 1], TfDataClass.BlobSequence), // converted_to_tensor
            TfValueKind.Audio => (TfPlugins.Audio, [0x10, 11, 0x18, 1], TfDataClass.BlobSequence), // encoding WAV, converted_to_tensor
            _ => (TfPlugins.Scalars, [], TfDataClass.Scalar),
        };
        return new SummaryMetadata(plugin, content, given is { DisplayName.Length: > 0 } ? given.DisplayName : tag, given?.Description ?? "", dataClass);
    }

    /// <summary>
    /// <c>HistogramProto</c> as [k, 3]. Empty outer buckets are dropped; the outermost edges, often ±DBL_MAX, become the minimum and maximum.
    /// </summary>
    public static Tensor Histogram(ReadOnlySpan<byte> message)
    {
        var (min, max) = (0.0, 0.0);
        List<double> limits = [], counts = [];
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Fixed64)) min = reader.Double();
            else if (reader.Is(2, WireType.Fixed64)) max = reader.Double();
            else if (reader.Field is 6 or 7 && reader.Type is WireType.Length or WireType.Fixed64) AddDoubles(ref reader, reader.Field == 6 ? limits : counts);
            else reader.Skip();
        }
        var start = counts.FindIndex(c => c > 0);
        if (start < 0) return new Tensor(TfDataType.Float, [0, 3], [], null);
        var end = counts.FindLastIndex(c => c > 0);
        if (limits.Count < end) throw new ProtocolFormatException($"The histogram has {counts.Count} buckets but {limits.Count} limits.");
        var rows = new double[(end - start + 1) * 3];
        for (var i = start; i <= end; i++)
        {
            var at = (i - start) * 3;
            rows[at] = (float)(i == start ? min : limits[i - 1]);
            rows[at + 1] = (float)(i == end ? max : limits[i]);
            rows[at + 2] = (float)counts[i];
        }
        return new Tensor(TfDataType.Float, [end - start + 1, 3], rows, null);
    }

    public static Tensor Image(ReadOnlySpan<byte> message)
    {
        var (height, width, bytes) = (0, 0, Array.Empty<byte>());
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Varint)) height = (int)reader.Varint();
            else if (reader.Is(2, WireType.Varint)) width = (int)reader.Varint();
            else if (reader.Is(4, WireType.Length)) bytes = reader.Bytes().ToArray();
            else reader.Skip();
        }
        return Tensor.Of([3], Text(width), Text(height), bytes);
    }

    /// <summary>[1, 2]: the clip and an empty label.</summary>
    public static Tensor Audio(ReadOnlySpan<byte> message)
    {
        var bytes = Array.Empty<byte>();
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(4, WireType.Length)) bytes = reader.Bytes().ToArray();
            else reader.Skip();
        }
        return Tensor.Of([1, 2], bytes, []);
    }

    private static byte[] Text(int number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    private static void AddDoubles(ref ProtoReader reader, List<double> values)
    {
        if (reader.Type == WireType.Fixed64)
        {
            values.Add(reader.Double());
        }
        else
        {
            var packed = new ProtoReader(reader.Bytes());
            while (!packed.AtEnd) values.Add(packed.Double());
        }
    }
}
