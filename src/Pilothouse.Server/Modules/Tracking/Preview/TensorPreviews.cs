using System.Globalization;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>Headers of weight files: safetensors, GGUF, ONNX.</summary>
internal static class TensorPreviews
{
    /// <summary>Tensors listed; a model of 70 billion parameters has about 1,000.</summary>
    public const int MaxTensors = 2000;

    /// <summary>Bytes read of a header: a vocabulary of 250,000 entries needs about 10 MB in GGUF.</summary>
    public const long MaxHeader = 64 * 1024 * 1024;

    private const int MaxMetadata = 500;
    private const int MaxValue = 300;
    private const int MaxListed = 8;

    /// <exception cref="ProtocolFormatException">The header is not what the format says, or beyond a bound.</exception>
    public static async Task<TensorPreview> ReadAsync(string path, Stream content, byte[] head, CancellationToken ct)
    {
        await using var header = new HeaderStream(content, MaxHeader);
        if (head.AsSpan().StartsWith("GGUF"u8)) return Gguf(GgufHeader.Read(header));
        if (path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)) return Onnx(OnnxHeader.Read(header));
        // The length stands first: an absurd one is refused before the reader makes room for it.
        if (head.Length >= 8 && BitConverter.ToUInt64(head) > MaxHeader) throw new ProtocolFormatException($"The safetensors header claims {BitConverter.ToUInt64(head)} bytes; up to {MaxHeader} are shown.");
        return Safetensors(await SafetensorsHeader.ReadAsync(header, ct));
    }

    private static TensorPreview Safetensors(SafetensorsHeader header) => new("safetensors", header.ParameterCount, header.Tensors.Count, Rows(header.Tensors),
        [.. header.Metadata.Take(MaxMetadata).Select(p => KeyValuePair.Create(p.Key, Clip(p.Value)))], [], [], []);

    private static TensorPreview Gguf(GgufHeader header) => new("gguf", Sum(header.Tensors), header.Tensors.Count, Rows(header.Tensors),
        [.. header.Metadata.Take(MaxMetadata).Select(p => KeyValuePair.Create(p.Key, Show(p.Value)))], [], [], []);

    private static TensorPreview Onnx(OnnxHeader header) => new("onnx", header.ParameterCount, header.InitializerCount,
        // The bytes are those of the whole message in the file, name and shape included: not those of the data.
        [.. header.Initializers.Take(MaxTensors).Select(t => new TensorRow(t.Name, t.Dtype, Shape(t), null))],
        [KeyValuePair.Create("graph", Clip(header.GraphName)), KeyValuePair.Create("ir_version", header.IrVersion.ToString(CultureInfo.InvariantCulture)), .. header.Metadata.Take(MaxMetadata).Select(p => KeyValuePair.Create(Clip(p.Key), Clip(p.Value)))],
        Values(header.Inputs), Values(header.Outputs), [.. header.Operators.OrderByDescending(o => o.Value).ThenBy(o => o.Key, StringComparer.Ordinal).Take(MaxMetadata)]);

    private static List<TensorRow> Values(IReadOnlyList<OnnxValue> values) => [.. values.Take(MaxTensors).Select(v => new TensorRow(Clip(v.Name), v.Dtype, v.Shape, null))];

    private static List<TensorRow> Rows(IReadOnlyList<TensorInfo> tensors) => [.. tensors.Take(MaxTensors).Select(t => new TensorRow(t.Name, t.Dtype, Shape(t), t.Length < 0 ? null : t.Length))];

    private static List<string> Shape(TensorInfo tensor) => [.. tensor.Shape.Select(d => d.ToString(CultureInfo.InvariantCulture))];

    private static long Sum(IEnumerable<TensorInfo> tensors) => (long)tensors.Aggregate(Int128.Zero, (sum, t) => Int128.Min(sum + t.Elements, long.MaxValue));

    private static string Show(object value) => value switch
    {
        IReadOnlyList<object> list => Clip($"[{string.Join(", ", list.Take(MaxListed).Select(Show))}{(list.Count > MaxListed ? ", …" : "")}] ({list.Count.ToString(CultureInfo.InvariantCulture)})"),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        _ => Clip(value.ToString() ?? ""),
    };

    private static string Clip(string text) => text.Length <= MaxValue ? text : text[..MaxValue] + "…";
}
