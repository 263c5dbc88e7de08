namespace Pilothouse.Protocols.V1;

/// <summary>One series of a run that is not a plain metric: histograms, texts, images, audio, PR curves, other tensors.</summary>
/// <param name="Kind"><c>histogram</c>, <c>text</c>, <c>image</c>, <c>pr_curve</c>, <c>audio</c> or <c>tensor</c>.</param>
/// <param name="Key">Name of the series within its kind; may hold slashes.</param>
/// <param name="DisplayName">Null = show the key.</param>
/// <param name="Description">Markdown; null = none.</param>
/// <param name="Plugin">TensorBoard's plugin the series was written for; null when it did not come from TensorBoard.</param>
/// <param name="PluginContent">That plugin's own metadata, untouched; null = none.</param>
public sealed record MediaSeries(string Kind, string Key, string? DisplayName, string? Description, long FirstStep, long LastStep, long Count, string? Plugin = null, byte[]? PluginContent = null);

/// <summary>One point; of the members after the time exactly the one of its kind is set.</summary>
/// <param name="Histogram">Buckets [left, right, count] in ascending order.</param>
/// <param name="Error">Why the point cannot be shown, e.g. a tensor whose size contradicts its shape; its bytes are kept.</param>
public sealed record MediaPoint(long Step, long TimeMs, IReadOnlyList<double[]>? Histogram = null, MediaText? Text = null, MediaImages? Image = null,
    MediaAudio? Audio = null, PrCurve? PrCurve = null, MediaTensor? Tensor = null, string? Error = null);

/// <param name="Shape">Empty for one text; one or two dimensions make a list or a table of Markdown cells.</param>
/// <param name="Values">Row by row.</param>
public sealed record MediaText(IReadOnlyList<long> Shape, IReadOnlyList<string> Values);

/// <param name="Width">Pixels, as the writer said.</param>
/// <param name="Height">Pixels, as the writer said.</param>
public sealed record MediaImages(int Width, int Height, IReadOnlyList<MediaItem> Items);

public sealed record MediaAudio(IReadOnlyList<MediaItem> Items);

/// <param name="Mime">Told by the bytes themselves; <c>application/octet-stream</c> for what is no known image or sound.</param>
/// <param name="Url">Address on this server, absolute path.</param>
/// <param name="Label">Markdown beside an audio clip; null = none.</param>
/// <param name="Size">Bytes.</param>
public sealed record MediaItem(string Mime, string Url, long Size, string? Label = null);

/// <summary>One PR curve: counts and rates at T thresholds spread evenly over 0..1.</summary>
public sealed record PrCurve(IReadOnlyList<double> Tp, IReadOnlyList<double> Fp, IReadOnlyList<double> Tn, IReadOnlyList<double> Fn, IReadOnlyList<double> Precision, IReadOnlyList<double> Recall);

/// <param name="Dtype">TensorFlow's name, e.g. <c>DT_FLOAT</c>.</param>
/// <param name="Values">Row by row; null when it holds texts or more than 10,000 elements.</param>
/// <param name="Texts">Elements of a DT_STRING tensor; null for others.</param>
/// <param name="Url">The whole TensorProto, when it is too large to stand here.</param>
public sealed record MediaTensor(string Dtype, IReadOnlyList<long> Shape, IReadOnlyList<double>? Values = null, IReadOnlyList<string>? Texts = null, string? Url = null);
