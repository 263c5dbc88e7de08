using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Media;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>What was read of a file and is written next, in one transaction.</summary>
internal sealed class EventBatch
{
    /// <summary>On SQLite a write holds up the others: this many points take some 50 ms.</summary>
    private const int MaxPoints = 8_000;
    private const int MaxMedia = 1_000;
    private const long MaxMediaBytes = 8 * 1024 * 1024;

    public List<string> Keys { get; } = [];
    public List<MlflowPoint> Points { get; } = [];
    public List<PendingMedia> Media { get; } = [];
    public long MediaBytes { get; set; }
    public HashSet<EventTag> Tags { get; } = [];
    public List<EventNote> Notes { get; } = [];
    public List<MlflowPair> Params { get; } = [];
    public List<MlflowPair> RunTags { get; } = [];
    /// <summary>Status the hparams plugin told, and end.</summary>
    public (string Status, long? EndMs)? End { get; set; }
    public long Skipped { get; set; }
    public long StepBacks { get; set; }

    public bool IsFull => Points.Count >= MaxPoints || Media.Count >= MaxMedia || MediaBytes >= MaxMediaBytes || Notes.Count >= MaxMedia;
}

/// <summary>A point of a media series whose files are not in the blob store yet.</summary>
/// <param name="Payload">Null when it is made of <paramref name="Files"/>.</param>
internal sealed record PendingMedia(MediaSeriesRow Series, long Step, long TimeMs, byte[]? Payload, int Width, int Height, IReadOnlyList<(byte[] Bytes, string? Label)> Files);
