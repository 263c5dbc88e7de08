using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>Models, prompts and data sets as immutable numbered versions with a content digest; aliases are the pointers.</summary>
public interface IModels
{
    /// <summary>Registers the next version. Its files are blobs already; registering the same content again returns the version that has it.</summary>
    Task<ModelVersion> RegisterAsync(string name, NewModelVersion version, string actor, CancellationToken ct);

    /// <param name="reference"><c>models:/NAME/VERSION</c> or <c>models:/NAME@ALIAS</c>.</param>
    /// <exception cref="Platform.PilothouseException">NotFound, with the versions that exist.</exception>
    Task<ModelVersion> GetAsync(string reference, CancellationToken ct);

    Task<ModelVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct);

    Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken ct);

    /// <returns>Null when there is no such model.</returns>
    Task<ModelSummary?> FindAsync(string name, CancellationToken ct);

    /// <summary>Newest first; empty when the model has none.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound: no such model.</exception>
    Task<IReadOnlyList<ModelVersion>> VersionsAsync(string name, CancellationToken ct);

    Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct);

    /// <summary>Directory on local disk with the version's files (hard links or links into the blob store), for engines.</summary>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: its files are not on this server.</exception>
    Task<string> MaterializeAsync(ModelVersion version, CancellationToken ct);
}

public interface IDatasets
{
    Task<DatasetVersion> RegisterAsync(string name, NewDatasetVersion version, string actor, CancellationToken ct);

    /// <param name="version">Null = the latest.</param>
    Task<DatasetVersion> GetAsync(string name, int? version, CancellationToken ct);

    /// <summary>All versions, by name, newest first.</summary>
    Task<IReadOnlyList<DatasetVersion>> ListAsync(CancellationToken ct);
}

public interface IPrompts
{
    Task<PromptVersion> RegisterAsync(string name, NewPromptVersion version, string actor, CancellationToken ct);

    /// <param name="version">Null = the latest.</param>
    Task<PromptVersion> GetAsync(string name, int? version, CancellationToken ct);

    /// <param name="reference"><c>prompts:/NAME/VERSION</c> or <c>prompts:/NAME@ALIAS</c>.</param>
    Task<PromptVersion> GetAsync(string reference, CancellationToken ct);

    /// <summary>The prompt with values filled in.</summary>
    /// <exception cref="Platform.PilothouseException">InvalidArgument: every value that is missing, unknown or of another type.</exception>
    Task<RenderedPrompt> RenderAsync(string reference, IReadOnlyDictionary<string, System.Text.Json.JsonElement> values, CancellationToken ct);

    Task<PromptVersion> GetByAliasAsync(string name, string alias, CancellationToken ct);

    Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct);

    /// <summary>All versions, by name, newest first.</summary>
    Task<IReadOnlyList<PromptVersion>> ListAsync(CancellationToken ct);
}

public static class PromptVersionExtensions
{
    /// <exception cref="Platform.PilothouseException">DigestMismatch: the lock was written against another registry.</exception>
    public static void RequireDigest(this PromptVersion version, string? digest, string model)
    {
        if (digest is not null && digest != version.Digest)
            throw new Platform.PilothouseException(Platform.ErrorCode.DigestMismatch, $"models.{model}: {version.Reference} has the digest {version.Digest}, but pilothouse.lock says {digest}. Was the lock written with another server? Run 'pilothouse lock --update {model}' and commit the result.");
    }

    /// <summary>The prompt as a prompt file: its content, and what it says.</summary>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: it cannot stand in a prompt file.</exception>
    public static (PromptFile File, byte[] Content) AsFile(this PromptVersion version)
    {
        try
        {
            var content = PromptDocument.Of(version);
            var read = PromptFileReader.Parse(System.Text.Encoding.UTF8.GetString(content));
            return (read.File ?? throw new Platform.PilothouseException(Platform.ErrorCode.FailedPrecondition, $"{version.Reference} cannot be used in a project:\n{string.Join('\n', read.Faults)}"), content);
        }
        catch (Protocols.ProtocolFormatException e)
        {
            throw new Platform.PilothouseException(Platform.ErrorCode.FailedPrecondition, e.Message, e);
        }
    }
}

public static class ModelVersionExtensions
{
    /// <summary>The digest of the version's content.</summary>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: its files are not on this server, so nothing here can vouch for them.</exception>
    public static string RequireDigest(this ModelVersion version) => version.Digest
        ?? throw new Platform.PilothouseException(Platform.ErrorCode.FailedPrecondition,
            $"The files of {version.Reference} are not on this server (source: {version.Source}). Upload them as artifacts of a run before registering, or register the directory: pilothouse model register NAME DIR --kind KIND.");
}
