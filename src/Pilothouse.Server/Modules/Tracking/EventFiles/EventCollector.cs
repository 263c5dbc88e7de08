using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Media;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>Turns events into points of metrics and media. Every point is kept; what had to be changed or cannot be kept is noted.</summary>
/// <param name="folder">Stands before the tags; empty = nothing.</param>
/// <param name="stream">Updated with what is read.</param>
internal sealed class EventCollector(string folder, EventFileRow file, EventStreamRow stream) : IEventSink
{
    /// <summary>Beyond this a time is no time.</summary>
    private const double MaxSeconds = 9e12;

    private bool _timeTold;
    private bool _textTold;

    public EventBatch Batch { get; private set; } = new();

    /// <summary>Byte of the file at which the record that is read begins.</summary>
    public long Offset { get; set; }

    public EventBatch Take()
    {
        var taken = Batch;
        Batch = new EventBatch();
        return taken;
    }

    public void Tag(EventTag tag) => Batch.Tags.Add(tag);

    public void Scalar(EventTag tag, long step, double wallTime, double value)
    {
        var state = StateOf(tag);
        if (state.Batch != Batch)
        {
            (state.Batch, state.Index) = (Batch, Batch.Keys.Count);
            Batch.Keys.Add(state.Name);
        }
        Batch.Points.Add(new MlflowPoint(state.Index, ToMs(wallTime), step, MlflowBatch.Storable(value)));
    }

    public void Value(EventTag tag, long step, double wallTime, in EventValue value)
    {
        var time = ToMs(wallTime);
        Batch.MediaBytes += value.Size;
        try
        {
            if (TryShow(tag, step, time, value)) return;
            Add(tag, MediaPayload.Tensor, step, time, value.ToProto());
        }
        catch (ProtocolFormatException e)
        {
            Note("value", $"The value of '{tag.Name}' at step {step} cannot be read and was skipped: {e.Message}");
        }
    }

    public void HParams(string tag, double wallTime, ReadOnlySpan<byte> content)
    {
        try
        {
            var data = HParamsData.Parse(content);
            if (data.Start is { } start) Start(start);
            if (data.End is { } end) End(end.Status, end.EndSeconds);
        }
        catch (ProtocolFormatException e)
        {
            Note("value", $"The hyper-parameters in '{tag}' cannot be read: {e.Message}");
        }
    }

    public void Restart(EventRestart kind, long step, double wallTime)
    {
        if (kind == EventRestart.SessionStart)
        {
            Note("restart", $"The writer started again at step {step}. Points with that step or a later one that were logged before stay: they have earlier times.");
        }
        else if (Batch.StepBacks++ == 0 && file.StepBacks == 0)
        {
            Note("step_back", $"Step {step} comes behind step {stream.LastStep}: the training went on from an earlier checkpoint, or several writers share the directory. All points are kept, in order of their times.");
        }
    }

    public void Skipped(TfEventKind kind)
    {
        if (Batch.Skipped++ == 0 && file.Skipped == 0) Note("skipped", $"Events that are not kept: {(kind == TfEventKind.LogMessage ? "log messages" : "meta graphs")}.");
    }

    public void Fault(EventFault fault) => Batch.Notes.Add(new EventNote(fault.Offset, NameOf(fault.Kind), fault.Message));

    /// <summary>As the kind of its plugin; false when it is kept as a tensor.</summary>
    private bool TryShow(EventTag tag, long step, long time, in EventValue value)
    {
        if (tag.Plugin is not (TfPlugins.Histograms or TfPlugins.Text or TfPlugins.Images or TfPlugins.Audio or TfPlugins.PrCurves)) return false;
        try
        {
            if (TryShow(tag, step, time, value.ToTensor())) return true;
            Note("value", $"The value of '{tag.Name}' at step {step} has not the shape of the plugin {tag.Plugin}: it is kept as a tensor.");
        }
        catch (ProtocolFormatException e)
        {
            Note("value", $"The value of '{tag.Name}' at step {step} is kept as a tensor: {e.Message}");
        }
        return false;
    }

    private bool TryShow(EventTag tag, long step, long time, Tensor tensor)
    {
        switch (tag.Plugin)
        {
            case TfPlugins.Histograms when tensor is { Numbers: { } numbers, Shape: [_, 3] }:
                return Add(tag, MediaPayload.Histogram, step, time, MediaPayload.OfNumbers(numbers));
            case TfPlugins.PrCurves when tensor is { Numbers: { } numbers, Shape: [6, _] }:
                return Add(tag, MediaPayload.PrCurve, step, time, MediaPayload.OfNumbers(numbers));
            case TfPlugins.Text when tensor.Strings is { } texts:
                return Add(tag, MediaPayload.Text, step, time, MediaPayload.OfJson(new MediaPayload.Texts([.. tensor.Shape], [.. texts.Select(t => TextOf(tag, step, t))])));
            case TfPlugins.Images when tensor.Strings is { Length: >= 2 } parts && tensor.Shape.Count == 1 && TryNumber(parts[0], out var width) && TryNumber(parts[1], out var height):
                return Add(tag, MediaPayload.Image, step, time, width, height, [.. parts.Skip(2).Select(bytes => (bytes, (string?)null))]);
            case TfPlugins.Audio when tensor is { Strings: { } clips, Shape: [_] }:
                return Add(tag, MediaPayload.Audio, step, time, 0, 0, [.. clips.Select(bytes => (bytes, (string?)null))]);
            case TfPlugins.Audio when tensor is { Strings: { } pairs, Shape: [_, 2] }:
                return Add(tag, MediaPayload.Audio, step, time, 0, 0, [.. pairs.Chunk(2).Select(p => (p[0], p[1].Length > 0 ? Encoding.UTF8.GetString(p[1]) : null))]);
            default:
                return false;
        }
    }

    private void Start(HParamsStart start)
    {
        foreach (var (key, value) in start.HParams)
        {
            var (name, text) = (EventNames.Of("", key).Name, EventNames.Storable(HParamsData.TextOf(value)));
            if (text.Length > Names.MaxParamValue) Note("param", $"The parameter '{name}' has {text.Length} characters and was cut to {Names.MaxParamValue}.");
            Batch.Params.Add(new MlflowPair(name, Names.Cut(text, Names.MaxParamValue)));
        }
        foreach (var (key, text) in ((string, string)[])[("group_name", start.GroupName), ("model_uri", start.ModelUri), ("monitor_url", start.MonitorUrl)])
            if (text.Length > 0) Batch.RunTags.Add(new MlflowPair($"tensorboard.hparams.{key}", Names.Cut(EventNames.Storable(text), Names.MaxTagValue)));
        stream.Trial = "started";
    }

    private void End(HParamsStatus status, double seconds)
    {
        stream.Trial = Enum.IsDefined(status) ? status.ToString().ToLowerInvariant() : "unknown";
        Batch.End = status switch
        {
            HParamsStatus.Success => ("FINISHED", ToMs(seconds)),
            HParamsStatus.Failure => ("FAILED", ToMs(seconds)),
            HParamsStatus.Running => (MlflowNames.Running, null),
            _ => Batch.End,
        };
    }

    private bool Add(EventTag tag, string kind, long step, long time, byte[] payload) => Add(tag, kind, step, time, payload, 0, 0, []);

    private bool Add(EventTag tag, string kind, long step, long time, int width, int height, IReadOnlyList<(byte[] Bytes, string? Label)> files) => Add(tag, kind, step, time, null, width, height, files);

    private bool Add(EventTag tag, string kind, long step, long time, byte[]? payload, int width, int height, IReadOnlyList<(byte[] Bytes, string? Label)> files)
    {
        var state = StateOf(tag);
        if (!state.Series.TryGetValue(kind, out var series))
        {
            var metadata = tag.Metadata;
            state.Series[kind] = series = new MediaSeriesRow
            {
                Kind = kind,
                Key = state.Name,
                // Legacy values are given their tag as display name on reading.
                DisplayName = metadata is null || metadata.DisplayName == tag.Name ? "" : EventNames.Storable(metadata.DisplayName),
                Description = EventNames.Storable(metadata?.Description ?? ""),
                Plugin = EventNames.Storable(tag.Plugin),
                Content = metadata is { Content.Length: > 0 } ? metadata.Content : null,
            };
        }
        Batch.Media.Add(new PendingMedia(series, step, time, payload, width, height, files));
        return true;
    }

    private TagState StateOf(EventTag tag)
    {
        if (tag.State is TagState held) return held;
        var (name, changed) = EventNames.Of(folder, tag.Name);
        if (changed) Note("renamed", $"The tag '{(tag.Name.Length > 100 ? tag.Name[..100] + "..." : tag.Name)}' cannot be stored as it is; its points are in '{name}'.");
        var state = new TagState(name);
        tag.State = state;
        return state;
    }

    private string TextOf(EventTag tag, long step, byte[] bytes)
    {
        if (!_textTold && !Utf8.IsValid(bytes))
        {
            Note("text", $"A text of '{tag.Name}' at step {step} is not UTF-8; what is not became U+FFFD.");
            _textTold = true;
        }
        return Encoding.UTF8.GetString(bytes);
    }

    private long ToMs(double seconds)
    {
        if (double.IsFinite(seconds) && Math.Abs(seconds) <= MaxSeconds)
        {
            var ms = (long)Math.Round(seconds * 1000);
            stream.FirstMs = stream.FirstMs is { } first ? Math.Min(first, ms) : ms;
            stream.LastMs = stream.LastMs is { } last ? Math.Max(last, ms) : ms;
            return ms;
        }
        if (!_timeTold) Note("time", $"The wall time {seconds.ToString(CultureInfo.InvariantCulture)} is no time; such points are stored at time 0.");
        _timeTold = true;
        return 0;
    }

    private static bool TryNumber(byte[] text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private void Note(string kind, string message) => Batch.Notes.Add(new EventNote(Offset, kind, EventNames.Storable(message)));

    private static string NameOf(EventFaultKind kind) => string.Concat(kind.ToString().Select((c, i) => char.IsUpper(c) && i > 0 ? $"_{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));

    private sealed class TagState(string name)
    {
        public string Name { get; } = name;
        public EventBatch? Batch { get; set; }
        public int Index { get; set; }
        public Dictionary<string, MediaSeriesRow> Series { get; } = new(StringComparer.Ordinal);
    }
}
