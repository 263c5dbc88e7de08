using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>
/// Writes one event file that TensorBoard reads. One writer a run directory, and steps that do not go back within a tag: TensorBoard's fast loader drops every
/// point of a tag whose step is not below a later one's. Metadata goes with the first value of a tag.
/// </summary>
/// <param name="stream">Where the file goes; not disposed.</param>
/// <param name="wide">
/// False: numbers are written as float32, the only type TensorBoard's fast loader reads, so values keep about seven digits. True: numbers that float32 cannot hold
/// exactly are written as float64, which only its Python reader (<c>--load_fast=false</c>) and Pilothouse read.
/// </param>
public sealed class EventFileWriter(Stream stream, bool wide)
{
    private const int FlushAt = 256 * 1024;

    private readonly HashSet<string> _described = new(StringComparer.Ordinal);
    private readonly ProtoWriter _event = new();
    private readonly ProtoWriter _summary = new();
    private readonly ProtoWriter _value = new();
    private readonly ProtoWriter _tensor = new();
    private readonly ArrayBufferWriter<byte> _pending = new();

    /// <summary>The record every file begins with.</summary>
    public void WriteVersion(double wallTime) =>
        Record(_event.Clear().Double(1, wallTime).Text(3, "brain.Event:2").Bytes(10, new ProtoWriter().Text(1, "pilothouse").Written).Written);

    public void WriteScalar(string tag, long step, double wallTime, double value)
    {
        _tensor.Clear();
        if (wide && !double.IsNaN(value) && (float)value != value) _tensor.Varint(1, (ulong)TfDataType.Double).Bytes(2, []).Bytes(6, BitConverter.GetBytes(value));
        else _tensor.Varint(1, (ulong)TfDataType.Float).Bytes(2, []).Bytes(5, BitConverter.GetBytes((float)value));
        Write(tag, step, wallTime, _tensor.Written, SummaryMetadata.Of(TfPlugins.Scalars, TfDataClass.Scalar));
    }

    /// <summary>As PyTorch's SummaryWriter writes: <c>simple_value</c>, without metadata.</summary>
    public void WriteLegacyScalar(string tag, long step, double wallTime, float value)
    {
        _summary.Clear().Bytes(1, _value.Clear().Text(1, tag).Float(2, value).Written);
        Record(_event.Clear().Double(1, wallTime).Varint(2, (ulong)step).Bytes(5, _summary.Written).Written);
    }

    public void Write(string tag, long step, double wallTime, Tensor tensor, SummaryMetadata metadata) => Write(tag, step, wallTime, tensor.Encode(), metadata);

    /// <param name="tensor">A <c>TensorProto</c>.</param>
    public void Write(string tag, long step, double wallTime, ReadOnlySpan<byte> tensor, SummaryMetadata metadata)
    {
        _value.Clear().Text(1, tag);
        if (_described.Add(tag)) _value.Bytes(9, metadata.Encode());
        _value.Bytes(8, tensor);
        _summary.Clear().Bytes(1, _value.Written);
        Record(_event.Clear().Double(1, wallTime).Varint(2, (ulong)step).Bytes(5, _summary.Written).Written);
    }

    /// <summary>Metadata-only value of the hparams plugin.</summary>
    public void WriteHParams(string tag, double wallTime, byte[] content) =>
        Write(tag, 0, wallTime, new Tensor(TfDataType.Float, [0], [], null), new SummaryMetadata(TfPlugins.HParams, content, "", "", TfDataClass.Tensor));

    /// <summary>Histogram of buckets [left, right, count].</summary>
    /// <param name="buckets">Three numbers a bucket.</param>
    public void WriteHistogram(string tag, long step, double wallTime, double[] buckets, SummaryMetadata metadata) =>
        Write(tag, step, wallTime, new Tensor(TfDataType.Double, [buckets.Length / 3, 3], buckets, null), metadata);

    public void WriteTexts(string tag, long step, double wallTime, IReadOnlyList<long> shape, IEnumerable<string> texts, SummaryMetadata metadata) =>
        Write(tag, step, wallTime, Tensor.Of(shape, [.. texts.Select(Encoding.UTF8.GetBytes)]), metadata);

    /// <summary>Hands what is held to the stream.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        await stream.WriteAsync(_pending.WrittenMemory, ct);
        _pending.ResetWrittenCount();
    }

    /// <summary>True when enough is held for a flush to be worth it.</summary>
    public bool ShouldFlush => _pending.WrittenCount >= FlushAt;

    /// <summary>Any record, for tests.</summary>
    internal void WriteRaw(ReadOnlySpan<byte> data) => Record(data);

    private void Record(ReadOnlySpan<byte> data)
    {
        Span<byte> header = stackalloc byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Crc32C.Masked(header[..8]));
        _pending.Write(header);
        _pending.Write(data);
        Span<byte> footer = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Crc32C.Masked(data));
        _pending.Write(footer);
    }
}
