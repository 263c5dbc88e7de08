using System.Text.Json;

namespace Pilothouse.Protocols.V1;

/// <summary>One file of a model version.</summary>
public sealed record ArtifactFile(string Path, string Digest, long Size);

/// <summary>What a new model version is made of.</summary>
/// <param name="Kind"><c>generative</c>, <c>classifier</c>, <c>embedding</c>, <c>reranker</c> or <c>mlflow</c> (a directory with MLmodel).</param>
/// <param name="Files">All files; their blobs are stored already.</param>
/// <param name="RunId">The run that produced it, if any.</param>
/// <param name="Project">Project it belongs to, if any.</param>
/// <param name="Commit">Commit of the code that produced it, if known.</param>
/// <param name="Datasets">Data sets it was trained on, as <c>datasets:/NAME/VERSION</c>.</param>
/// <param name="BaseModel">Model version it was derived from, as <c>models:/NAME/VERSION</c>.</param>
public sealed record NewModelVersion(string Kind, IReadOnlyList<ArtifactFile> Files, string? Description = null, string? RunId = null, string? Project = null,
    string? Commit = null, IReadOnlyList<string>? Datasets = null, string? BaseModel = null)
{
    /// <summary>How it was made from its base model: <c>finetune</c>, <c>adapter</c>, <c>quantized</c> or <c>merge</c>; null = as the files say.</summary>
    public string? BaseRelation { get; init; }
}

/// <summary>A registered model version. Its content is immutable; stage, tags and description may change.</summary>
/// <param name="Digest">Null when its files are not on this server: registered by MLflow's protocol with a source elsewhere.</param>
public sealed record ModelVersion(string Name, int Version, string Kind, string? Digest, long Size, IReadOnlyList<ArtifactFile> Files, IReadOnlyList<string> Aliases,
    string? Description, string? RunId, string? Project, string? Commit, IReadOnlyList<string> Datasets, string? BaseModel, string CreatedBy, long CreatedMs)
{
    public string Reference => $"models:/{Name}/{Version}";

    /// <summary>How it was made from its base model: finetune, adapter, quantized or merge; null without one.</summary>
    public string? BaseRelation { get; init; }

    /// <summary>Staging, Production or Archived; null = none.</summary>
    public string? Stage { get; init; }

    /// <summary>As MLflow's client gave it, such as <c>runs:/ID/model</c>; null = registered by our own API.</summary>
    public string? Source { get; init; }

    /// <summary>Where the files behind the source lie, when that is another address.</summary>
    public string? Location { get; init; }

    public string? RunLink { get; init; }

    /// <summary>MLflow's logged model it was made from, <c>m-...</c>.</summary>
    public string? LoggedModelId { get; init; }

    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>Epoch milliseconds.</summary>
    public long UpdatedMs { get; init; }
}

/// <summary>What the files of a version say of themselves.</summary>
/// <param name="Format">safetensors, GGUF, ONNX; null = no weights in a known format.</param>
/// <param name="Parameters">Elements of all tensors.</param>
/// <param name="Dtypes">Elements by type: <c>BF16</c>, <c>Q4_K</c>.</param>
/// <param name="Width">Size of the hidden state.</param>
/// <param name="Adapter">Null = it is no adapter.</param>
/// <param name="DeclaredBase">Base model that the files name; nobody has checked it.</param>
/// <param name="DeclaredRelation">How, as the card says.</param>
/// <param name="Metadata">Of safetensors, and <c>general.*</c> of GGUF; at most 40.</param>
/// <param name="Notes">What could not be read.</param>
public sealed record ModelFacts(string? Format, long Parameters, IReadOnlyDictionary<string, long> Dtypes, string? Architecture, long? ContextLength, long? Layers, long? Width, AdapterFacts? Adapter,
    string? DeclaredBase, string? DeclaredRelation, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<string> Notes);

/// <param name="Type">Such as LORA.</param>
/// <param name="Targets">Modules that it changes.</param>
public sealed record AdapterFacts(string Type, long? Rank, double? Alpha, IReadOnlyList<string> Targets);

/// <summary>One row of the list of models.</summary>
/// <param name="Kind">Of the newest version.</param>
/// <param name="LatestVersion">0 = it has none (yet, or any more).</param>
public sealed record ModelSummary(string Name, string Kind, int LatestVersion, IReadOnlyDictionary<string, int> Aliases, long UpdatedMs)
{
    public string? Description { get; init; }

    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

/// <summary>Where an alias shall point.</summary>
/// <param name="Reason">Why; stands in its history and in the audit log.</param>
public sealed record AliasTarget(int Version, string? Reason = null);

/// <param name="Template">Text with <c>{variables}</c>, or chat messages as a JSON array: <c>[{"role":"system","content":"..."}]</c>.</param>
public sealed record NewPromptVersion(string Template, string? Description = null, string? Project = null, string? Commit = null)
{
    /// <summary>Types, defaults and so on; a variable that is not named is a required string.</summary>
    public IReadOnlyList<PromptVariable>? TypedVariables { get; init; }

    /// <summary>Model parameters sent with it, such as <c>temperature</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Parameters { get; init; }
}

/// <summary>A variable of a prompt.</summary>
/// <param name="Type"><c>string</c>, <c>number</c>, <c>boolean</c>, <c>list</c> or <c>enum</c>.</param>
/// <param name="Required">False: it may be left out, and is then its default or nothing.</param>
/// <param name="Default">Taken when no value is given.</param>
/// <param name="Values">Of an enum.</param>
public sealed record PromptVariable(string Name, string Type = "string", bool Required = true, JsonElement? Default = null, IReadOnlyList<string>? Values = null, string? Description = null);

/// <summary>Body of <c>POST /api/v1/prompts/NAME/render</c>: values by variable.</summary>
public sealed record PromptValues(IReadOnlyDictionary<string, JsonElement>? Values = null);

/// <summary>A prompt with its values filled in.</summary>
/// <param name="Messages">Of a text prompt: one message of the user.</param>
public sealed record RenderedPrompt(string Reference, IReadOnlyList<PromptMessage> Messages, IReadOnlyDictionary<string, JsonElement> Parameters);

public sealed record PromptVersion(string Name, int Version, string Digest, string Template, IReadOnlyList<string> Variables, string? Description, string? Project, string? Commit,
    string CreatedBy, long CreatedMs)
{
    public string Reference => $"prompts:/{Name}/{Version}";

    /// <summary>The messages of a chat prompt; null = a text.</summary>
    public IReadOnlyList<PromptMessage>? Messages { get; init; }

    /// <summary>Registered by MLflow's client: only <c>{{name}}</c> is a variable, <c>{name}</c> is text.</summary>
    public bool OfMlflow { get; init; }

    /// <summary>Types, defaults and so on of the variables; null = all are required strings.</summary>
    public IReadOnlyList<PromptVariable>? TypedVariables { get; init; }

    /// <summary>Model parameters sent with it; null = none.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Parameters { get; init; }

    public IReadOnlyList<string>? Aliases { get; init; }

    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

/// <summary>One message of a chat prompt.</summary>
public sealed record PromptMessage(string Role, string Content);
