using System.Text;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>
/// The beginning of an artifact in a form that can be shown. Only ranges are read, all of them bounded; what a file's own header says wrongly becomes a note, never a failure
/// of the server.
/// </summary>
internal sealed class ArtifactPreviews(ArtifactService artifacts)
{
    /// <summary>Bytes of a text that are shown.</summary>
    public const int MaxText = 256 * 1024;

    /// <summary>Bytes of a JSON file that is parsed; a larger one is shown as text.</summary>
    public const int MaxJson = 1024 * 1024;

    /// <summary>Bytes of a table in text that are read for its first rows.</summary>
    public const int MaxTableText = 1024 * 1024;

    private const int HexBytes = 512;

    public async Task<ArtifactPreview> ReadAsync(string runId, string path, CancellationToken ct)
    {
        var (content, digest) = await artifacts.OpenAsync(await artifacts.PathOfAsync(runId, path, ct), ct);
        await using (content)
        {
            var head = await ReadAsync(content, ArtifactMedia.HeadLength, ct);
            var (kind, type) = ArtifactMedia.Of(Path.GetFileName(path), head, whole: head.Length == content.Length);
            content.Position = 0;
            var preview = new ArtifactPreview(runId, path, kind, type, content.Length, digest, false);
            try
            {
                return await FillAsync(preview, content, head, ct);
            }
            catch (ProtocolFormatException e)
            {
                return preview with { Kind = ArtifactMedia.Binary, Note = e.Message, Hex = Convert.ToHexStringLower(head.AsSpan(0, Math.Min(HexBytes, head.Length))) };
            }
        }
    }

    private static async Task<ArtifactPreview> FillAsync(ArtifactPreview preview, Stream content, byte[] head, CancellationToken ct)
    {
        switch (preview.Kind)
        {
            case ArtifactMedia.Json when content.Length > MaxJson:
            case ArtifactMedia.Text or ArtifactMedia.Markdown or ArtifactMedia.Json:
                var max = preview.Kind == ArtifactMedia.Json && content.Length <= MaxJson ? MaxJson : MaxText;
                var (text, cut) = await TextAsync(content, max, ct);
                return preview with { Kind = cut && preview.Kind == ArtifactMedia.Json ? ArtifactMedia.Text : preview.Kind, Text = text, Truncated = cut };
            case ArtifactMedia.Table:
                var table = await TablePreviews.ReadAsync(preview.Path, content, head, ct);
                return preview with { Table = table.Table, Truncated = table.Truncated, Note = table.Note };
            case ArtifactMedia.Tensors:
                return preview with { Tensors = await TensorPreviews.ReadAsync(preview.Path, content, head, ct) };
            case ArtifactMedia.Binary or ArtifactMedia.Events:
                return preview with { Hex = Convert.ToHexStringLower(head.AsSpan(0, Math.Min(HexBytes, head.Length))), Truncated = content.Length > HexBytes };
            default:
                return preview;
        }
    }

    /// <summary>The first bytes of a text as text, cut between two characters.</summary>
    internal static async Task<(string Text, bool Cut)> TextAsync(Stream content, int max, CancellationToken ct)
    {
        var bytes = await ReadAsync(content, max, ct);
        var cut = content.Length > bytes.Length;
        var end = bytes.Length;
        if (cut)
        {
            // A UTF-8 character has at most three bytes that continue it.
            while (end > 0 && bytes.Length - end < 4 && (bytes[end - 1] & 0xC0) == 0x80) end--;
            if (end > 0 && (bytes[end - 1] & 0x80) != 0) end--;
        }
        return (Encoding.UTF8.GetString(bytes, 0, end).TrimStart('\ufeff'), cut);
    }

    private static async Task<byte[]> ReadAsync(Stream content, int max, CancellationToken ct)
    {
        var bytes = new byte[Math.Min(max, content.Length)];
        var read = await content.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
        return read == bytes.Length ? bytes : bytes[..read];
    }
}
