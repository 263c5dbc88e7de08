using System.Text.Json;
using Pilothouse.Datasets;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Server.Platform.Projects;

/// <summary>
/// What the entries of a project file at a commit stand for: a registered model with its prompt, the rows of a data set. Declared here and
/// implemented by Evaluation, so that Fairness, its neighbour at the same level, can share it.
/// </summary>
public interface IProjectContent
{
    /// <exception cref="PilothouseException">NotFound or InvalidArgument, naming the entry and the file.</exception>
    Task<ModelSubject> ModelAsync(string project, string commit, string name, ModelEntry entry, CancellationToken ct);

    /// <exception cref="PilothouseException">NotFound (file or data set), InvalidArgument (a line that is no row).</exception>
    Task<DataSubject> DataAsync(string project, string commit, string name, DataEntry entry, CancellationToken ct);
}

/// <summary>A model as a commit uses it.</summary>
/// <param name="Reference"><c>models:/NAME/VERSION</c>, or <c>URL#MODEL</c> for a remote engine.</param>
/// <param name="Digest">Content digest; null for a remote engine, whose content nobody can vouch for.</param>
/// <param name="PromptDigest">SHA-256 of the prompt file; null without one.</param>
/// <param name="Parameters">Those of the prompt file, overridden by those of the entry.</param>
public sealed record ModelSubject(string Reference, string? Digest, ModelEntry Entry, Inference.InferenceTarget Target, PromptFile? Prompt, string? PromptDigest,
    IReadOnlyDictionary<string, JsonElement> Parameters)
{
    /// <summary>The command that answers; null = a model does.</summary>
    public CommandProgram? Command { get; init; }

    /// <summary>How it is asked when it is no engine of this server (providers of a promptfoo configuration); null = by its target.</summary>
    public Func<Inference.GenerationRequest, CancellationToken, Task<Inference.Generation>>? Ask { get; init; }
}

/// <summary>A command of a commit, with the files it needs.</summary>
public sealed record CommandProgram(IReadOnlyList<string> Command, IReadOnlyList<(string Path, byte[] Content)> Files, TimeSpan Timeout);

/// <summary>The rows of a data set.</summary>
/// <param name="Reference">Path in the repository, or <c>datasets:/NAME/VERSION</c>.</param>
/// <param name="Digest"><c>sha256:</c> of the file.</param>
public sealed record DataSubject(string Reference, string Digest, IReadOnlyList<DataRow> Rows);
