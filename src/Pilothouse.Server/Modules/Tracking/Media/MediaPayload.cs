using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Media;

/// <summary>How points lie in the database: numbers as float64 little endian, the rest as JSON; a tensor as the TensorProto that came.</summary>
internal static class MediaPayload
{
    public const string Histogram = "histogram";
    public const string Text = "text";
    public const string Image = "image";
    public const string Audio = "audio";
    public const string PrCurve = "pr_curve";
    public const string Tensor = "tensor";

    public static byte[] OfNumbers(ReadOnlySpan<double> values)
    {
        var bytes = new byte[values.Length * 8];
        if (BitConverter.IsLittleEndian) MemoryMarshal.AsBytes(values).CopyTo(bytes);
        else for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * 8), values[i]);
        return bytes;
    }

    public static double[] ToNumbers(ReadOnlySpan<byte> bytes)
    {
        var values = new double[bytes.Length / 8];
        for (var i = 0; i < values.Length; i++) values[i] = BinaryPrimitives.ReadDoubleLittleEndian(bytes[(i * 8)..]);
        return values;
    }

    public static byte[] OfJson<T>(T value) => System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(value, WireJson.Options);

    public static T ToJson<T>(byte[] bytes) => System.Text.Json.JsonSerializer.Deserialize<T>(bytes, WireJson.Options)!;

    internal sealed record Texts(long[] Shape, string[] Values);

    internal sealed record Files(int Width, int Height, List<StoredFile> Items);

    /// <param name="Digest">Blob with the bytes.</param>
    internal sealed record StoredFile(string Mime, string Digest, long Size, string? Label);
}
