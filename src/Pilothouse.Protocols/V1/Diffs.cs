namespace Pilothouse.Protocols.V1;

/// <summary>What changed between two versions of a model.</summary>
/// <param name="From">Reference of the version compared from.</param>
/// <param name="Summary"><c>32 of 291 tensors changed, only layers 24-31; tokenizer same; configuration same</c></param>
/// <param name="Config">Keys of the JSON files beside the weights, and of the metadata inside them.</param>
/// <param name="Tokenizer">Null when neither version has one that is understood.</param>
/// <param name="Changes">Tensors that are not the same, in order of name; at most 10,000.</param>
/// <param name="Files">Files added, removed or changed.</param>
/// <param name="ContentCompared">False: only headers and digests of files were compared; a tensor whose file changed is <c>unknown</c>.</param>
/// <param name="Notes">What could not be compared, and why.</param>
public sealed record ModelDiff(string From, string To, string Summary, IReadOnlyList<KeyChange> Config, TokenizerDiff? Tokenizer, TensorCounts Tensors, IReadOnlyList<TensorChange> Changes,
    IReadOnlyList<FileChange> Files, bool ContentCompared, IReadOnlyList<string> Notes);

/// <param name="Where">The file, or what else holds the key.</param>
/// <param name="From">As JSON; null = it was not there.</param>
public sealed record KeyChange(string Where, string Key, string? From, string? To);

/// <param name="From">Tensors of the version compared from.</param>
/// <param name="Reshaped">Shape or type changed.</param>
/// <param name="Unknown">Not compared.</param>
public sealed record TensorCounts(int From, int To, int Same, int Changed, int Added, int Removed, int Reshaped, int Unknown);

/// <param name="Change">changed, added, removed, reshaped (shape or type) or unknown.</param>
/// <param name="L2">Euclidean norm of the difference; null where there is no number to subtract.</param>
/// <param name="RelativeL2">By the norm of the tensor compared from.</param>
/// <param name="MaxAbs">Largest difference of one element.</param>
/// <param name="NotFinite">Elements with NaN or infinity, left out of the norms.</param>
public sealed record TensorChange(string Name, string Change, string? FromDtype, IReadOnlyList<long>? FromShape, string? ToDtype, IReadOnlyList<long>? ToShape, double? L2 = null,
    double? RelativeL2 = null, double? MaxAbs = null, long NotFinite = 0);

/// <summary>Vocabularies of two versions.</summary>
/// <param name="Moved">Tokens with another id.</param>
/// <param name="Samples">Some of the tokens: <c>+ "word" (51200)</c>, <c>- "word" (7)</c>, <c>~ "word" 7 -> 9</c>.</param>
/// <param name="MergesChanged">The merge rules of a BPE are others.</param>
public sealed record TokenizerDiff(int From, int To, int Added, int Removed, int Moved, bool MergesChanged, IReadOnlyList<string> Samples)
{
    public bool IsSame => Added + Removed + Moved == 0 && !MergesChanged;
}

/// <param name="Change">added, removed or changed.</param>
public sealed record FileChange(string Path, string Change, long? FromSize, long? ToSize);

/// <summary>What changed between two versions of a prompt.</summary>
/// <param name="Parts">The template, or the messages in order.</param>
/// <param name="Variables">What changed of the variables' types, defaults and the rest.</param>
/// <param name="Parameters">Model parameters.</param>
public sealed record PromptDiff(string From, string To, string Summary, IReadOnlyList<PromptPart> Parts, IReadOnlyList<KeyChange> Variables, IReadOnlyList<KeyChange> Parameters);

/// <param name="Role"><c>template</c>, or a message's role.</param>
/// <param name="Change">same, changed, added or removed.</param>
public sealed record PromptPart(string Role, string Change, IReadOnlyList<TextLine> Lines);

/// <param name="Op"><c>" "</c> in both, <c>-</c> only before, <c>+</c> only after.</param>
public sealed record TextLine(string Op, string Text);

/// <summary>What changed between two releases.</summary>
/// <param name="Lines">All of it in lines, for a terminal.</param>
/// <param name="Commits">Commits of the newer one that the older does not have, newest first; at most 100.</param>
/// <param name="Backwards">The commit compared to is an ancestor of the one compared from: <paramref name="Commits"/> are those that go.</param>
public sealed record ReleaseDiff(string From, string To, string Summary, IReadOnlyList<string> Lines, IReadOnlyList<ComponentChange> Components, IReadOnlyList<KeyChange> Parameters,
    IReadOnlyList<ReleaseCommit> Commits, bool Backwards);

/// <param name="Change">same, changed, added or removed.</param>
/// <param name="Detail">What changed inside, in one sentence.</param>
public sealed record ComponentChange(string Type, string Name, string Change, string? FromReference, string? ToReference, string? FromDigest, string? ToDigest, string? Detail)
{
    public ModelDiff? Model { get; init; }

    public PromptDiff? Prompt { get; init; }
}

public sealed record ReleaseCommit(string Id, string Author, long TimeMs, string Subject);
