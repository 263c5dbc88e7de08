using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>How far a comparison of models goes.</summary>
public enum DiffDepth
{
    /// <summary>Headers and digests of files: a tensor in a file that changed is unknown.</summary>
    Headers,
    /// <summary>The bytes of every tensor, when that was done before or does not take long; else as <see cref="Headers"/>.</summary>
    Quick,
    /// <summary>The bytes of every tensor, however long it takes.</summary>
    Content,
}

public interface IModelDiffs
{
    /// <param name="from"><c>models:/NAME/VERSION</c> or <c>models:/NAME@ALIAS</c>.</param>
    /// <exception cref="Platform.PilothouseException">NotFound; FailedPrecondition: the files of a version are not on this server.</exception>
    Task<ModelDiff> CompareAsync(string from, string to, DiffDepth depth, CancellationToken ct);
}

public interface IPromptDiffs
{
    /// <param name="from"><c>prompts:/NAME/VERSION</c> or <c>prompts:/NAME@ALIAS</c>.</param>
    Task<PromptDiff> CompareAsync(string from, string to, CancellationToken ct);

    /// <summary>Two prompts that are registered nowhere, such as prompt files of two commits.</summary>
    /// <exception cref="Platform.PilothouseException">InvalidArgument: one of them is not a prompt file.</exception>
    PromptDiff CompareFiles(string from, string fromText, string to, string toText);
}
