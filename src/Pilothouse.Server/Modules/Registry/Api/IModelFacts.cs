using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Registry.Api;

public interface IModelFacts
{
    /// <summary>What the files of a version say of themselves; what cannot be read is a note, never an error.</summary>
    Task<ModelFacts> ReadAsync(ModelVersion version, CancellationToken ct);
}
