using System.Text;
using Pilothouse.Protocols;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Media;

/// <summary>Stored payloads as the points of the API.</summary>
internal static class MediaView
{
    /// <summary>Elements of a tensor that stand in an answer.</summary>
    private const int MaxElements = 10_000;

    /// <param name="payload">Null = too large to be shown; it has an address.</param>
    public static MediaPoint Of(string kind, MediaRow row, byte[]? payload)
    {
        var point = new MediaPoint(row.Step, row.TimeMs);
        if (payload is null) return point with { Error = $"This point has {row.Size} bytes, too many to show here. Its content: {Address(row.Blob!, "application/octet-stream")}" };
        return kind switch
        {
            MediaPayload.Histogram => point with { Histogram = [.. MediaPayload.ToNumbers(payload).Chunk(3)] },
            MediaPayload.PrCurve => point with { PrCurve = Curve(MediaPayload.ToNumbers(payload)) },
            MediaPayload.Text => point with { Text = ToText(MediaPayload.ToJson<MediaPayload.Texts>(payload)) },
            MediaPayload.Image => point with { Image = ToImages(MediaPayload.ToJson<MediaPayload.Files>(payload)) },
            MediaPayload.Audio => point with { Audio = new MediaAudio(Items(MediaPayload.ToJson<MediaPayload.Files>(payload))) },
            _ => ToTensor(point, row, payload),
        };
    }

    /// <summary>Where the bytes of a blob are shown as a picture or played.</summary>
    public static string Address(string digest, string mime) => $"/api/v1/media/{digest}?type={Uri.EscapeDataString(mime)}";

    private static MediaPoint ToTensor(MediaPoint point, MediaRow row, byte[] payload)
    {
        var url = row.Blob is { } blob ? Address(blob, MediaTypes.Bytes) : null;
        try
        {
            var tensor = Tensor.Decode(payload);
            var shown = Math.Max(tensor.Numbers?.Length ?? 0, tensor.Strings?.Length ?? 0) <= MaxElements;
            return point with { Tensor = new MediaTensor(tensor.Type.NameOf(), tensor.Shape, shown ? tensor.Numbers : null, shown && tensor.Strings is { } texts ? [.. texts.Select(Encoding.UTF8.GetString)] : null, url) };
        }
        catch (ProtocolFormatException e)
        {
            return point with { Error = $"The tensor cannot be shown: {e.Message}" + (url is null ? "" : $" Its bytes: {url}") };
        }
    }

    private static PrCurve Curve(double[] rows)
    {
        var count = rows.Length / 6;
        double[] Row(int i) => rows[(i * count)..((i + 1) * count)];
        return new PrCurve(Row(0), Row(1), Row(2), Row(3), Row(4), Row(5));
    }

    private static MediaText ToText(MediaPayload.Texts texts) => new(texts.Shape, texts.Values);

    private static MediaImages ToImages(MediaPayload.Files files) => new(files.Width, files.Height, Items(files));

    private static List<MediaItem> Items(MediaPayload.Files files) => files.Items.ConvertAll(f => new MediaItem(f.Mime, Address(f.Digest, f.Mime), f.Size, f.Label));
}
