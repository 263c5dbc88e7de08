using System.Globalization;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>
/// Metadata and tensor list of a GGUF file, versions 2 and 3, little-endian.
/// See <see href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"/>.
/// </summary>
public sealed class GgufHeader
{
    /// <summary>Most metadata entries.</summary>
    public const int MaxEntries = 65_536;

    /// <summary>Most tensors.</summary>
    public const int MaxTensors = 1_000_000;

    internal const int MaxDimensions = 8;

    private GgufHeader(int version, IReadOnlyDictionary<string, object> metadata, IReadOnlyList<TensorInfo> tensors)
    {
        Version = version;
        Metadata = metadata;
        Tensors = tensors;
    }

    public int Version { get; }

    /// <summary>
    /// Values are <see cref="long"/>, <see cref="ulong"/> (only beyond long's range), <see cref="double"/>, <see cref="bool"/>,
    /// <see cref="string"/> or a read-only list of these.
    /// </summary>
    public IReadOnlyDictionary<string, object> Metadata { get; }

    /// <summary>The tensors in the file's order. <see cref="TensorInfo.Length"/> is -1 for an element type not known here. Shapes outermost first.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary><c>general.architecture</c>, such as <c>llama</c>, or null.</summary>
    public string? Architecture => Metadata.GetValueOrDefault("general.architecture") as string;

    /// <summary>Reads the header of a whole file.</summary>
    /// <param name="stream">At the start of the file; must know its length. Read with a buffer, so its position afterwards is unspecified.</param>
    /// <exception cref="ProtocolFormatException">Not a GGUF file, a truncated one, or beyond a bound.</exception>
    public static GgufHeader Read(Stream stream)
    {
        var fileLength = stream.Length - stream.Position;
        var cursor = new GgufCursor(stream);
        if (cursor.UInt32() != 0x46554747)
            throw new ProtocolFormatException("The file does not start with 'GGUF'.");
        var version = cursor.UInt32();
        if (version is not (2 or 3))
            throw new ProtocolFormatException($"GGUF version {version} is not supported; versions 2 and 3 are.");
        var tensorCount = cursor.Count(MaxTensors, "tensors");
        var entryCount = cursor.Count(MaxEntries, "metadata entries");

        var metadata = new Dictionary<string, object>();
        for (var i = 0; i < entryCount; i++)
        {
            var key = cursor.Text();
            if (!metadata.TryAdd(key, cursor.Value()))
                throw new ProtocolFormatException($"The GGUF metadata key '{key}' is given twice.");
        }

        var tensors = new List<TensorInfo>();
        for (var i = 0; i < tensorCount; i++)
            tensors.Add(Tensor(cursor));
        var alignment = Alignment(metadata);
        var dataStart = (cursor.Position + alignment - 1) / alignment * alignment;
        return new GgufHeader((int)version, metadata, Placed(tensors, dataStart, alignment, fileLength));
    }

    private static TensorInfo Tensor(GgufCursor cursor)
    {
        var name = cursor.Text();
        var dimensionCount = cursor.UInt32();
        if (dimensionCount > MaxDimensions)
            throw new ProtocolFormatException($"The GGUF tensor '{name}' has {dimensionCount} dimensions, more than {MaxDimensions}.");
        var shape = new long[dimensionCount];
        var elements = Int128.One;
        // GGUF lists the innermost dimension first.
        for (var d = (int)dimensionCount - 1; d >= 0; d--)
        {
            shape[d] = cursor.Long("dimension");
            elements *= shape[d];
            if (elements > long.MaxValue)
                throw new ProtocolFormatException($"The GGUF tensor '{name}' is impossibly large.");
        }

        var type = cursor.UInt32();
        var offset = cursor.Long("offset");
        var known = GgmlType.Find(type);
        var inner = dimensionCount == 0 ? 1 : shape[^1];
        if (known is not null && inner % known.BlockElements != 0)
            throw new ProtocolFormatException($"The GGUF tensor '{name}' has rows of {inner}, not a multiple of {known.Name}'s {known.BlockElements}.");
        var length = known is null ? -1 : (long)Int128.Min(elements / known.BlockElements * known.BlockBytes, long.MaxValue);
        return new TensorInfo(name, known?.Name ?? string.Create(CultureInfo.InvariantCulture, $"type{type}"), shape, offset, length);
    }

    private static long Alignment(Dictionary<string, object> metadata) => metadata.GetValueOrDefault("general.alignment") switch
    {
        null => 32,
        long a and > 0 and <= 1 << 20 when a % 8 == 0 => a,
        _ => throw new ProtocolFormatException("The GGUF general.alignment is not a positive multiple of 8."),
    };

    private static List<TensorInfo> Placed(List<TensorInfo> tensors, long dataStart, long alignment, long fileLength)
    {
        var names = new HashSet<string>();
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name))
                throw new ProtocolFormatException($"The GGUF tensor '{tensor.Name}' is given twice.");
            if (tensor.Offset % alignment != 0)
                throw new ProtocolFormatException($"The GGUF tensor '{tensor.Name}' is not aligned to {alignment} bytes.");
        }

        var end = 0L;
        foreach (var tensor in tensors.OrderBy(t => t.Offset))
        {
            if (tensor.Offset < end)
                throw new ProtocolFormatException($"The GGUF tensor '{tensor.Name}' overlaps the one before it.");
            var length = Math.Max(tensor.Length, 0);
            if (tensor.Offset > fileLength - dataStart - length)
                throw new ProtocolFormatException($"The GGUF tensor '{tensor.Name}' ends beyond the file: it is truncated.");
            end = tensor.Offset + length;
        }

        return [.. tensors.Select(t => t with { Offset = dataStart + t.Offset })];
    }
}
