namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>Deletion of a version of a model, prompt, data set or suite: refused while something stands on it.</summary>
public interface IVersionDeletion
{
    /// <param name="type">model, prompt, dataset or suite.</param>
    /// <param name="reason">Why; stands in the audit log.</param>
    /// <exception cref="Platform.PilothouseException">InvalidArgument: no reason. NotFound. FailedPrecondition: an alias, a stage, a release or a deployment stands on it, named.</exception>
    Task DeleteAsync(string type, string name, int version, string? reason, string actor, CancellationToken ct);
}
