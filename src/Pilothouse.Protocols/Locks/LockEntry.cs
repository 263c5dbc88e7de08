using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Locks;

/// <summary>What an entry of a lock pins.</summary>
public enum LockKind
{
    /// <summary>A data set of pilothouse.yaml: a file of the tree, or a registered version.</summary>
    Data,

    /// <summary>A file whose content lies on the server, not in Git.</summary>
    File,

    /// <summary>A folder whose content lies on the server, not in Git.</summary>
    Folder,

    /// <summary>A model of pilothouse.yaml.</summary>
    Model,

    /// <summary>A prompt file or a registered prompt that a model of pilothouse.yaml names.</summary>
    Prompt,

    /// <summary>The definition of a suite: its fields, scorers and gates.</summary>
    Suite,

    /// <summary>A tool definition that pilothouse.yaml names.</summary>
    Tool,
}

/// <summary>One block of <c>pilothouse.lock</c>. Which members are given depends on the kind; see <see cref="LockRules"/>.</summary>
/// <param name="Kind">What it pins.</param>
/// <param name="Name">Name in pilothouse.yaml; of a file, folder or prompt its path; of a registered prompt what pilothouse.yaml says, <c>prompts:/support@production</c>.</param>
public sealed record LockEntry(LockKind Kind, string Name)
{
    /// <summary><c>models:/NAME/VERSION</c>, <c>datasets:/NAME/VERSION</c>, <c>prompts:/NAME/VERSION</c>, or <c>URL#MODEL</c> of a remote engine, whose content nobody can pin.</summary>
    public string? Reference { get; init; }

    /// <summary>Pointer that the reference was resolved from, such as <c>@champion</c>; null = pilothouse.yaml names the version itself.</summary>
    public string? Follows { get; init; }

    /// <summary>File of the tree that a data set or tool is.</summary>
    public string? Path { get; init; }

    /// <summary>Of a folder, a model or anything with <see cref="Files"/> the content digest (<see cref="ContentManifest"/>); that of a folder is also the name of the blob with its list of files.</summary>
    public Digest Digest { get; init; }

    /// <summary>Bytes of the content; -1 = not given.</summary>
    public long Size { get; init; } = -1;

    /// <summary>Number of files of a folder; -1 = not given.</summary>
    public long FileCount { get; init; } = -1;

    /// <summary>Where <c>pilothouse sync</c> puts a registered model (a folder) or data set (a file, or a folder when it has several); null = nowhere.</summary>
    public string? Checkout { get; init; }

    /// <summary>Files of a model, or of a data set whose checkout is a folder.</summary>
    public IReadOnlyList<ContentFile> Files { get; init; } = [];

    /// <summary>Line of its head in the file it was read from, from 1; 0 = not read from a file.</summary>
    public int Line { get; init; }

    /// <summary>The word that stands for the kind in the file.</summary>
    public string Word => Words[(int)Kind];

    /// <summary>What a person calls it: <c>model assistant</c>.</summary>
    public string Title => $"{Word} {Name}";

    internal static IReadOnlyList<string> Words { get; } = ["data", "file", "folder", "model", "prompt", "suite", "tool"];

    /// <summary>True when both say the same; where they stood does not matter.</summary>
    public bool Says(LockEntry? other) => other is not null && LockWriter.Block(this) == LockWriter.Block(other);

    /// <summary>The order of the file.</summary>
    internal static int Compare(LockEntry a, LockEntry b) => a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind) : string.CompareOrdinal(a.Name, b.Name);
}
