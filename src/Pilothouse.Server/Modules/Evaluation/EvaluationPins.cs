using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// What names that move (<c>auto</c>, environments, <c>latest</c>, branches) stood for when an evaluation was planned. Stored with the run: one that goes on
/// after a stop of the server compares with, and asks, what it began with.
/// </summary>
internal sealed class EvaluationPins
{
    /// <summary>By what was asked for; null in it = that led to no base line.</summary>
    public Dictionary<string, BaselinePin> Baselines { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Releases by the route that serves them, or by the name they were asked for with.</summary>
    public Dictionary<string, ReleasePin> Releases { get; init; } = new(StringComparer.Ordinal);

    public async Task<(string? Commit, string? Note)> BaselineAsync(string asked, Func<Task<(string? Commit, string? Note)>> find)
    {
        if (!Baselines.TryGetValue(asked, out var pin))
        {
            var (commit, note) = await find();
            Baselines[asked] = pin = new BaselinePin(commit, note);
        }
        return (pin.Commit, pin.Note);
    }

    /// <summary>What a route serves: the release it served at the start. A gateway that has another one by now answers nothing for it, as after any rollout.</summary>
    public ServedTarget? Served(string route, Func<ServedTarget?> find)
    {
        var now = find();
        if (!Releases.TryGetValue(route, out var pin))
        {
            if (now is not null) Releases[route] = new ReleasePin(now.Release, now.Kind, now.IsPinned);
            return now;
        }
        return now?.Release == pin.Release ? now : new ServedTarget(new InferenceTarget(route, "gateway") { Release = pin.Release }, pin.Release, pin.Kind ?? "", pin.IsPinned);
    }

    public string Release(string asked) => Releases.TryGetValue(asked, out var pin) ? pin.Release : asked;
}

/// <param name="Note">What the reader has to know of how it was found.</param>
internal sealed record BaselinePin(string? Commit, string? Note);

/// <param name="Kind">Of the model that a route serves.</param>
/// <param name="IsPinned">The release pins everything that shapes the route's answers.</param>
internal sealed record ReleasePin(string Release, string? Kind = null, bool IsPinned = false);
