namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>Tells whether there are new versions. Events tell at once, but are lost with the server that has them; this is not.</summary>
public interface IVersionFeed
{
    /// <summary>Another text after each new version of a model, prompt or data set, and the same as long as there is none. Versions of suites do not count: evaluations register them.</summary>
    Task<string> StateAsync(CancellationToken ct);
}
