using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>The moves of every alias and stage of a model or prompt.</summary>
public interface IMoves
{
    /// <summary>Newest first; also of an object that was deleted. Empty when nothing ever pointed to it.</summary>
    /// <param name="scheme"><c>models</c> or <c>prompts</c>.</param>
    Task<IReadOnlyList<PointerMove>> ListAsync(string scheme, string name, int limit, CancellationToken ct);
}
