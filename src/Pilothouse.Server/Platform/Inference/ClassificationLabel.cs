namespace Pilothouse.Server.Platform.Inference;

public static class ClassificationLabel
{
    /// <summary>
    /// The label that a classifier decides for. With two labels the second of the model's config is the positive one and is chosen from
    /// <paramref name="threshold"/> up; with more, the most probable one.
    /// </summary>
    public static string Label(this Classification classification, double threshold) => Label(classification.Probabilities, threshold);

    public static string Label(IReadOnlyDictionary<string, double> probabilities, double threshold)
    {
        if (probabilities.Count == 0) throw new PilothouseException(ErrorCode.UpstreamFailed, "The classifier answered no label.");
        if (probabilities.Count != 2) return probabilities.MaxBy(p => p.Value).Key;
        var (first, second) = (probabilities.First(), probabilities.Last());
        return second.Value >= threshold ? second.Key : first.Key;
    }
}
