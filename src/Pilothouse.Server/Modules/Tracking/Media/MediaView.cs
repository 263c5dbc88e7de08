using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Media;

/// <summary>Stored payloads as the points of the API.</summary>
internal static class MediaView
{
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
            _ => point with { Error = "A point of an unknown kind." },
        };
    }

    /// <summary>Where the bytes of a blob are shown as a picture or played.</summary>
    public static string Address(string digest, string mime) => $"/api/v1/media/{digest}?type={Uri.EscapeDataString(mime)}";

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
