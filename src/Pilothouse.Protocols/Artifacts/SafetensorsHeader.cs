using System.Buffers.Binary;
using System.Text.Json;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>One tensor of a weight file.</summary>
/// <param name="Dtype">Element type as the file names it: <c>F32</c>, <c>BF16</c>, <c>Q8_0</c>.</param>
/// <param name="Shape">Lengths of its dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">Byte position of its data in the file; -1 = not in it (external data of ONNX).</param>
/// <param name="Length">Bytes of its data; -1 = not in the file.</param>
public sealed record TensorInfo(string Name, string Dtype, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>Its bytes are not the elements one after the other (numbers of ONNX as varints): whether two are the same can be told, how far apart they are cannot.</summary>
    public bool IsEncoded { get; init; }

    /// <summary>Number of elements.</summary>
    public long Elements => Shape.Aggregate(1L, (a, b) => a * b);
}

/// <summary>
/// The header of a safetensors file: 8 bytes little-endian length N, N bytes of JSON, then the tensors' bytes without holes.
/// See <see href="https://huggingface.co/docs/safetensors/index#format"/>.
/// </summary>
public sealed class SafetensorsHeader
{
    /// <summary>The bound of the reference reader.</summary>
    public const int MaxHeaderLength = 100_000_000;

    private static readonly Dictionary<string, int> DtypeBits = new()
    {
        ["BOOL"] = 8,
        ["U8"] = 8,
        ["I8"] = 8,
        ["F4"] = 4,
        ["F6_E2M3"] = 6,
        ["F6_E3M2"] = 6,
        ["F8_E5M2"] = 8,
        ["F8_E4M3"] = 8,
        ["F8_E8M0"] = 8,
        ["F8_E4M3FNUZ"] = 8,
        ["F8_E5M2FNUZ"] = 8,
        ["I16"] = 16,
        ["U16"] = 16,
        ["F16"] = 16,
        ["BF16"] = 16,
        ["I32"] = 32,
        ["U32"] = 32,
        ["F32"] = 32,
        ["I64"] = 64,
        ["U64"] = 64,
        ["F64"] = 64,
        ["C64"] = 64,
    };

    private SafetensorsHeader(IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The tensors in the order of their bytes in the file.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The <c>__metadata__</c> of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Sum of the elements of all tensors.</summary>
    public long ParameterCount => Tensors.Sum(t => t.Elements);

    /// <summary>Reads the header of a whole file and checks that the tensors fill the rest of it exactly.</summary>
    /// <param name="stream">At the start of the file; must know its length. Left at the first tensor byte.</param>
    /// <exception cref="ProtocolFormatException">Not a safetensors file, or a truncated one.</exception>
    public static async Task<SafetensorsHeader> ReadAsync(Stream stream, CancellationToken ct)
    {
        var fileLength = stream.Length - stream.Position;
        if (fileLength < 8)
            throw new ProtocolFormatException("The file is too short for a safetensors file.");
        var prefix = new byte[8];
        await stream.ReadExactlyAsync(prefix, ct).ConfigureAwait(false);
        var length = HeaderLength(prefix, fileLength);
        var json = new byte[length];
        await stream.ReadExactlyAsync(json, ct).ConfigureAwait(false);
        return Parse(json, fileLength - 8 - length);
    }

    /// <summary>Reads the header of a whole file held in memory.</summary>
    public static SafetensorsHeader Read(ReadOnlyMemory<byte> file)
    {
        if (file.Length < 8)
            throw new ProtocolFormatException("The file is too short for a safetensors file.");
        var length = HeaderLength(file.Span[..8], file.Length);
        return Parse(file.Slice(8, length), file.Length - 8 - length);
    }

    private static int HeaderLength(ReadOnlySpan<byte> prefix, long fileLength)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderLength)
            throw new ProtocolFormatException($"The safetensors header claims {length} bytes, more than {MaxHeaderLength}.");
        if ((long)length > fileLength - 8)
            throw new ProtocolFormatException($"The safetensors header claims {length} bytes, the file has {fileLength - 8} left: it is truncated.");
        return (int)length;
    }

    private static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, long dataLength)
    {
        if (json.IsEmpty || json.Span[0] != '{')
            throw new ProtocolFormatException("The safetensors header does not start with '{'.");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            var tensors = new List<TensorInfo>();
            var metadata = new Dictionary<string, string>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                    metadata = property.Value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString() ?? "");
                else
                    tensors.Add(Tensor(property.Name, property.Value, dataStart: 8 + json.Length));
            }

            CheckLayout(tensors, 8 + json.Length, dataLength);
            return new SafetensorsHeader(tensors, metadata);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException and not ProtocolFormatException)
        {
            throw new ProtocolFormatException($"The safetensors header is not valid: {e.Message}", e);
        }
    }

    // "layer.weight": {"dtype":"F32","shape":[4,8],"data_offsets":[0,128]}
    private static TensorInfo Tensor(string name, JsonElement value, long dataStart)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out var dtype)
            || !value.TryGetProperty("shape", out var shape)
            || !value.TryGetProperty("data_offsets", out var offsets)
            || offsets.GetArrayLength() != 2)
        {
            throw new ProtocolFormatException($"The tensor '{name}' lacks its dtype, shape or two data_offsets.");
        }

        if (!DtypeBits.TryGetValue(dtype.GetString() ?? "", out var bits))
            throw new ProtocolFormatException($"The tensor '{name}' has the unknown dtype '{dtype}'.");
        var dimensions = shape.EnumerateArray().Select(d => d.GetInt64()).ToArray();
        var (begin, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
        if (begin < 0 || end < begin || end > long.MaxValue - dataStart)
            throw new ProtocolFormatException($"The tensor '{name}' has impossible data_offsets.");
        if (BitLength(dimensions, bits) is not { } length || length != (Int128)(end - begin) * 8)
            throw new ProtocolFormatException($"The tensor '{name}' has {end - begin} bytes, which its dtype and shape do not give.");
        return new TensorInfo(name, dtype.GetString()!, dimensions, dataStart + begin, end - begin);
    }

    private static Int128? BitLength(long[] dimensions, int bits)
    {
        var elements = Int128.One;
        foreach (var dimension in dimensions)
        {
            if (dimension < 0)
                return null;
            elements *= dimension;
            if (elements > long.MaxValue)
                return null;
        }

        return elements * bits;
    }

    private static void CheckLayout(List<TensorInfo> tensors, long dataStart, long dataLength)
    {
        tensors.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Length.CompareTo(b.Length));
        var expected = dataStart;
        foreach (var tensor in tensors)
        {
            if (tensor.Offset != expected)
                throw new ProtocolFormatException($"The tensor '{tensor.Name}' {(tensor.Offset < expected ? "overlaps the one before it" : "leaves a hole before it")}.");
            expected += tensor.Length;
        }

        if (expected != dataStart + dataLength)
            throw new ProtocolFormatException($"The tensors take {expected - dataStart} bytes, the file has {dataLength}: it is {(expected > dataStart + dataLength ? "truncated" : "longer than it says")}.");
    }
}
