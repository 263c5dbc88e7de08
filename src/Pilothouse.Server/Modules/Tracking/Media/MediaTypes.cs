namespace Pilothouse.Server.Modules.Tracking.Media;

/// <summary>Types of pictures and sounds that pages show, told by the first bytes.</summary>
internal static class MediaTypes
{
    public const string Bytes = "application/octet-stream";

    private static readonly string[] Shown = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "audio/wav", "audio/mpeg", "audio/ogg", "audio/flac"];

    public static bool IsShown(string mime) => Shown.Contains(mime, StringComparer.Ordinal);

    public static string Of(ReadOnlySpan<byte> content)
    {
        if (content is [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..]) return "image/png";
        if (content is [0xFF, 0xD8, 0xFF, ..]) return "image/jpeg";
        if (content.StartsWith("GIF87a"u8) || content.StartsWith("GIF89a"u8)) return "image/gif";
        if (content.StartsWith("BM"u8)) return "image/bmp";
        if (content.StartsWith("OggS"u8)) return "audio/ogg";
        if (content.StartsWith("fLaC"u8)) return "audio/flac";
        if (content.StartsWith("ID3"u8) || content is [0xFF, >= 0xE0 and not 0xFF, ..]) return "audio/mpeg";
        if (content.Length >= 12 && content.StartsWith("RIFF"u8))
            return content[8..].StartsWith("WAVE"u8) ? "audio/wav" : content[8..].StartsWith("WEBP"u8) ? "image/webp" : Bytes;
        return Bytes;
    }
}
