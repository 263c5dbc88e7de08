namespace Pilothouse.Protocols.Artifacts;

/// <summary>A stretch of a file.</summary>
public readonly record struct FilePart(long Offset, long Length);

/// <summary>
/// Where to cut a weight file so that two versions of it share what did not change: at its tensors. The parts follow each other without gaps and cover the whole
/// file, so putting them together gives it back to the bit. Sender and server cut alike.
/// </summary>
public sealed class WeightLayout
{
    /// <summary>Smaller files are not worth it.</summary>
    public const long MinFile = 2 * 1024 * 1024;

    /// <summary>Neighbouring tensors are joined up to here, so that norms and biases do not become thousands of parts.</summary>
    public const long MinPart = 256 * 1024;

    /// <summary>Larger tensors are cut into pieces of this size.</summary>
    public const long MaxPart = 64L * 1024 * 1024;

    /// <summary>A file with more parts is stored as it is.</summary>
    public const int MaxParts = 25_000;

    private WeightLayout(string format, IReadOnlyList<TensorInfo> tensors, IReadOnlyList<FilePart> parts)
    {
        Format = format;
        Tensors = tensors;
        Parts = parts;
    }

    /// <summary><c>safetensors</c> or <c>gguf</c>.</summary>
    public string Format { get; }

    /// <summary>The tensors in the order of their bytes; each with a known length.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    public IReadOnlyList<FilePart> Parts { get; }

    /// <summary>Reads the header.</summary>
    /// <param name="file">Seekable, at its start; its position afterwards is unspecified.</param>
    /// <returns>Null when it is no weight file, or its header does not hold: it is then a file like any other.</returns>
    public static async Task<WeightLayout?> TryReadAsync(Stream file, CancellationToken ct)
    {
        if (file.Length < 16)
            return null;
        var head = new byte[9];
        await file.ReadExactlyAsync(head, ct).ConfigureAwait(false);
        file.Position = 0;
        try
        {
            if (head.AsSpan().StartsWith("GGUF"u8))
                return Create("gguf", GgufHeader.Read(file).Tensors, file.Length);
            // 8 bytes length, then JSON.
            return head[8] == '{' ? Create("safetensors", (await SafetensorsHeader.ReadAsync(file, ct).ConfigureAwait(false)).Tensors, file.Length) : null;
        }
        catch (ProtocolFormatException)
        {
            return null;
        }
    }

    /// <returns>Null when there is no tensor, or one whose length is not known.</returns>
    private static WeightLayout? Create(string format, IReadOnlyList<TensorInfo> tensors, long size)
    {
        if (tensors.Count == 0 || tensors.Any(t => t.Length < 0))
            return null;
        var ordered = tensors.OrderBy(t => t.Offset).ThenBy(t => t.Length).ToArray();
        return new WeightLayout(format, ordered, Cut(ordered, size));
    }

    private static List<FilePart> Cut(TensorInfo[] tensors, long size)
    {
        var parts = new List<FilePart>();
        var start = 0L;
        void End(long end)
        {
            // Pieces of a large tensor count from its beginning: one that changed in a corner shares the others.
            while (end - start > MaxPart)
            {
                parts.Add(new FilePart(start, MaxPart));
                start += MaxPart;
            }
            if (end > start)
                parts.Add(new FilePart(start, end - start));
            start = end;
        }

        // The header by itself: its offsets change when anything else does.
        End(tensors[0].Offset);
        foreach (var tensor in tensors)
        {
            // A tensor that is large enough to stand alone begins its own part.
            if (tensor.Offset - start >= MinPart || tensor.Length >= MinPart)
                End(tensor.Offset);
        }

        End(size);
        return parts;
    }
}
