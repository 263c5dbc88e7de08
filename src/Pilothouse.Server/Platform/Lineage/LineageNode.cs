using System.Globalization;

namespace Pilothouse.Server.Platform;

/// <summary>Kinds of things that lineage knows, and how each is named.</summary>
public static class LineageKind
{
    /// <summary><c>PROJECT/SHA40</c>; the project is <c>-</c> where only the commit is known.</summary>
    public const string Commit = "commit";

    /// <summary>A run's id.</summary>
    public const string Run = "run";

    /// <summary>MLflow's logged model, <c>m-...</c>.</summary>
    public const string LoggedModel = "logged_model";

    /// <summary>Data that a run noted but nobody registered: <c>NAME/DIGEST</c>, both as the client gave them.</summary>
    public const string Input = "input";

    /// <summary><c>NAME/VERSION</c>, as all registered versions.</summary>
    public const string Dataset = "dataset";
    public const string Model = "model";
    public const string Prompt = "prompt";
    public const string Suite = "suite";

    /// <summary>An evaluation's id.</summary>
    public const string Evaluation = "evaluation";

    /// <summary>A fairness report's id.</summary>
    public const string Fairness = "fairness";

    /// <summary><c>sha256:...</c></summary>
    public const string Release = "release";

    /// <summary><c>PROJECT/ENVIRONMENT/ROLLOUT</c></summary>
    public const string Deployment = "deployment";
}

/// <summary>One thing in the history of a change.</summary>
/// <param name="Kind">One of <see cref="LineageKind"/>.</param>
public sealed record LineageNode(string Kind, string Id)
{
    /// <summary>Project of a commit that nobody noted one for.</summary>
    public const string AnyProject = "-";

    public static LineageNode Commit(string? project, string sha) => new(LineageKind.Commit, $"{(string.IsNullOrEmpty(project) ? AnyProject : project)}/{sha}");

    public static LineageNode Run(string id) => new(LineageKind.Run, id);

    /// <param name="kind">dataset, model, prompt or suite.</param>
    public static LineageNode Version(string kind, string name, long version) => new(kind, string.Create(CultureInfo.InvariantCulture, $"{name}/{version}"));

    /// <summary>Of a commit: what is behind the project.</summary>
    public string Sha => Id[(Id.LastIndexOf('/') + 1)..];

    /// <summary>A commit whose project is not known: it is the same as the commit of that id of any project.</summary>
    public bool IsLoose => Kind == LineageKind.Commit && Id.StartsWith(AnyProject + "/", StringComparison.Ordinal);

    /// <summary><c>models:/assistant/3</c> to its node, likewise data sets (a split, <c>datasets:/faq/3#test</c>, is of its version), prompts and suites.</summary>
    /// <returns>Null for what names no version.</returns>
    public static LineageNode? FromReference(string? reference)
    {
        if (reference is null) return null;
        foreach (var (scheme, kind) in ((string, string)[])[("models:/", LineageKind.Model), ("datasets:/", LineageKind.Dataset), ("prompts:/", LineageKind.Prompt), ("suites:/", LineageKind.Suite)])
        {
            if (!reference.StartsWith(scheme, StringComparison.Ordinal)) continue;
            var rest = reference[scheme.Length..];
            if (kind == LineageKind.Dataset && rest.IndexOf('#', StringComparison.Ordinal) is > 0 and var split) rest = rest[..split];
            var cut = rest.LastIndexOf('/');
            return cut > 0 && int.TryParse(rest.AsSpan(cut + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0 ? Version(kind, rest[..cut], version) : null;
        }
        return null;
    }

    public override string ToString() => $"{Kind}:{Id}";
}

/// <summary><paramref name="To"/> was made from, or uses, <paramref name="From"/>.</summary>
/// <param name="Relation">In one or two words, read from cause to effect: <c>trained on</c>, <c>base model</c>, <c>contains</c>.</param>
public sealed record LineageEdge(LineageNode From, LineageNode To, string Relation);

/// <summary>What a page says of a node beside its id.</summary>
/// <param name="Title">Such as a run's name or a commit's subject.</param>
/// <param name="Detail">Such as a status; null = nothing to add.</param>
/// <param name="TimeMs">When it came to be.</param>
public sealed record LineageLabel(string Title, string? Detail, long? TimeMs)
{
    /// <summary>It was deleted; only its record is left.</summary>
    public bool IsDeleted { get; init; }
}
