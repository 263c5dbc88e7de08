namespace Pilothouse.Server.Platform.Inference;

/// <summary>What environments serve now. Declared here and implemented by the Gateway, so that evaluations can ask what is in production.</summary>
public interface IServedTargets
{
    /// <summary>The stable arm of a route; null when nothing is served under that name.</summary>
    /// <param name="name"><c>PROJECT/ENVIRONMENT/MODEL</c>.</param>
    ServedTarget? Find(string name);

    /// <summary>The release that an environment serves; null = none.</summary>
    /// <param name="environment"><c>PROJECT/ENVIRONMENT</c>.</param>
    string? ReleaseOf(string environment);
}

/// <param name="Target">Asks exactly this release through the gateway: its prompt and parameters apply; refused with Unavailable once another release is served.</param>
/// <param name="Kind"><c>generative</c> or <c>classifier</c>.</param>
/// <param name="IsPinned">The release's digest says all that shapes an answer (its model is not behind a remote engine).</param>
public sealed record ServedTarget(InferenceTarget Target, string Release, string Kind, bool IsPinned);
