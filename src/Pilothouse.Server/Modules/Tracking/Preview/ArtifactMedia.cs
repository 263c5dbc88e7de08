using System.Text;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>
/// What a file is, by its name and its first bytes. A type that a browser gives to other programs (pictures, sound, film) is told by the bytes alone; everything that a browser
/// could run (HTML, script) is plain text.
/// </summary>
internal static class ArtifactMedia
{
    /// <summary>Bytes of the beginning that <see cref="Of"/> wants to see.</summary>
    public const int HeadLength = 4096;

    public const string Text = "text", Json = "json", Markdown = "markdown", Table = "table", Image = "image", Audio = "audio", Video = "video", Tensors = "tensors", Events = "events", Binary = "binary";

    private const string PlainText = "text/plain; charset=utf-8";
    private const string Bytes = "application/octet-stream";

    /// <param name="head">First bytes of the file.</param>
    /// <param name="whole">They are all of it.</param>
    public static (string Kind, string MediaType) Of(string name, ReadOnlySpan<byte> head, bool whole)
    {
        var extension = Path.GetExtension(name).ToLowerInvariant();
        if (Magic(head) is { } magic) return magic;
        if (name.Contains("tfevents", StringComparison.Ordinal)) return (Events, Bytes);
        switch (extension)
        {
            case ".safetensors" or ".gguf" or ".onnx": return (Tensors, Bytes);
        }
        if (!IsText(head, whole)) return (Binary, Bytes);
        return extension switch
        {
            ".csv" or ".tsv" or ".jsonl" or ".ndjson" => (Table, PlainText),
            ".json" or ".ipynb" or ".webmanifest" => (Json, PlainText),
            ".md" or ".markdown" => (Markdown, PlainText),
            ".svg" when head.IndexOf("<svg"u8) >= 0 => (Image, "image/svg+xml"),
            _ => (Text, PlainText),
        };
    }

    private static (string, string)? Magic(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\x89PNG\r\n\x1a\n"u8) || head.Length > 3 && head[0] == 0x89 && head[1..4].SequenceEqual("PNG"u8)) return (Image, "image/png");
        if (head.Length > 3 && head[0] == 0xFF && head[1] == 0xD8 && head[2] == 0xFF) return (Image, "image/jpeg");
        if (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8)) return (Image, "image/gif");
        if (head.Length > 12 && head.StartsWith("RIFF"u8)) return head[8..12] switch
        {
            var form when form.SequenceEqual("WEBP"u8) => (Image, "image/webp"),
            var form when form.SequenceEqual("WAVE"u8) => (Audio, "audio/wav"),
            _ => null,
        };
        if (head.Length > 12 && head[4..8].SequenceEqual("ftyp"u8)) return head[8..12].SequenceEqual("avif"u8) ? (Image, "image/avif") : (Video, "video/mp4");
        if (head.StartsWith("OggS"u8)) return (Audio, "audio/ogg");
        if (head.StartsWith("fLaC"u8)) return (Audio, "audio/flac");
        if (head.StartsWith("ID3"u8) || head.Length > 2 && head[0] == 0xFF && head[1] is 0xFB or 0xF3 or 0xF2) return (Audio, "audio/mpeg");
        if (head.Length > 4 && head[0] == 0x1A && head[1] == 0x45 && head[2] == 0xDF && head[3] == 0xA3) return (Video, "video/webm");
        if (head.StartsWith("GGUF"u8)) return (Tensors, Bytes);
        if (head.StartsWith("PAR1"u8)) return (Table, Bytes);
        return null;
    }

    /// <summary>UTF-8 without NUL; a character cut by the end of what was read is no fault.</summary>
    private static bool IsText(ReadOnlySpan<byte> head, bool whole)
    {
        if (head.Contains((byte)0)) return false;
        while (!head.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(head, out _, out var used);
            if (status == System.Buffers.OperationStatus.NeedMoreData) return !whole;
            if (status != System.Buffers.OperationStatus.Done) return false;
            head = head[used..];
        }
        return true;
    }
}
