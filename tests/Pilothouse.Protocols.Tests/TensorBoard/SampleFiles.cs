using System.Text;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.Tests.TensorBoard;

/// <summary>Event files made by our own writer, so that the tests need none from elsewhere.</summary>
internal static class SampleFiles
{
    public const double Time = 1_767_225_600;

    public static Task<byte[]> ScalarsAsync(int count) => WriteAsync(wide: false, writer =>
    {
        for (var i = 0; i < count; i++) writer.WriteScalar("loss", i, Time + i, 1.0 / (i + 1));
    });

    /// <summary>Every kind of value the writer knows, and legacy ones built by hand.</summary>
    public static Task<byte[]> EverythingAsync() => WriteAsync(wide: true, writer =>
    {
        writer.WriteHParams("_hparams_/session_start_info", Time, HParamsData.EncodeStart(new HParamsStart([new("lr", 0.1), new("optimizer", "adam"), new("bf16", true), new("none", null)], "m", "u", "g", Time)));
        writer.WriteScalar("loss", 1, Time, 0.5);
        writer.WriteScalar("loss", 2, Time, 1.0 / 3);
        writer.WriteHistogram("weights", 1, Time, [0, 1, 3, 1, 2, 4], SummaryMetadata.Of(TfPlugins.Histograms, TfDataClass.Tensor));
        writer.WriteTexts("note", 1, Time, [2, 2], ["a", "b", "c", "größer"], SummaryMetadata.Of(TfPlugins.Text, TfDataClass.Tensor));
        writer.Write("image", 1, Time, Tensor.Of([3], "2"u8.ToArray(), "1"u8.ToArray(), [1, 2, 3]), SummaryMetadata.Of(TfPlugins.Images, TfDataClass.BlobSequence));
        writer.Write("pr", 1, Time, new Tensor(TfDataType.Float, [6, 2], [.. Enumerable.Range(0, 12).Select(i => i / 4.0)], null), SummaryMetadata.Of(TfPlugins.PrCurves, TfDataClass.Tensor));
        writer.Write("mesh", 1, Time, new ProtoWriter().Varint(1, 3).Bytes(2, new ProtoWriter().Bytes(2, [8, 3]).Written).Bytes(7, [1, 2, 3]).Written, SummaryMetadata.Of(TfPlugins.Mesh, TfDataClass.Tensor));
        var chart = new ProtoWriter().Text(1, "chart").Bytes(2, new ProtoWriter().Text(1, "loss.*").Written);
        var layout = new ProtoWriter().Bytes(2, new ProtoWriter().Text(1, "all").Bytes(2, chart.Written).Written).ToArray();
        writer.Write(CustomScalarsLayout.Tag, 0, Time, Tensor.Of([], layout), SummaryMetadata.Of(TfPlugins.CustomScalars, TfDataClass.Tensor));
        writer.WriteHParams("_hparams_/session_end_info", Time, HParamsData.EncodeEnd(HParamsStatus.Success, Time));
    }, Legacy());

    public static async Task<byte[]> WriteAsync(bool wide, Action<EventFileWriter> write, params byte[][] raw)
    {
        var stream = new MemoryStream();
        var writer = new EventFileWriter(stream, wide);
        writer.WriteVersion(Time);
        write(writer);
        foreach (var record in raw) writer.WriteRaw(record);
        await writer.FlushAsync(default);
        return stream.ToArray();
    }

    /// <summary>simple_value, histo, image, audio, session log, graph, run metadata and a log message, as other writers make them.</summary>
    private static byte[][] Legacy()
    {
        static ProtoWriter Event() => new ProtoWriter().Double(1, Time).Varint(2, 5);
        static byte[] Value(string tag, Func<ProtoWriter, ProtoWriter> fill) => Event().Bytes(5, new ProtoWriter().Bytes(1, fill(new ProtoWriter().Text(1, tag)).Written).Written).ToArray();
        var limits = new byte[24];
        var counts = new byte[24];
        for (var i = 0; i < 3; i++)
        {
            BitConverter.TryWriteBytes(limits.AsSpan(i * 8), i == 2 ? double.MaxValue : i + 0.5);
            BitConverter.TryWriteBytes(counts.AsSpan(i * 8), i == 0 ? 0.0 : i);
        }
        return
        [
            Value("old/loss", v => v.Float(2, 0.25f)),
            Value("old/weights", v => v.Bytes(5, new ProtoWriter().Double(1, 0.75).Double(2, 9).Bytes(6, limits).Bytes(7, counts).Written)),
            Value("old/image", v => v.Bytes(4, new ProtoWriter().Varint(1, 4).Varint(2, 3).Bytes(4, [9, 9]).Written)),
            Value("old/tone", v => v.Bytes(6, new ProtoWriter().Bytes(4, Encoding.ASCII.GetBytes("RIFF")).Written)),
            Event().Bytes(7, [8, 1]).ToArray(),
            Event().Bytes(7, [8, 1]).ToArray(),
            Event().Bytes(4, [1, 2, 3]).ToArray(),
            Event().Bytes(8, new ProtoWriter().Text(1, "step_3").Bytes(2, [4]).Written).ToArray(),
            Event().Bytes(6, [8, 20]).ToArray(),
        ];
    }
}
