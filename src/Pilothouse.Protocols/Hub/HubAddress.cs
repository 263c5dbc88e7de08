namespace Pilothouse.Protocols.Hub;

/// <summary>
/// What a path of the Hub names: <c>api/models/NS/NAME/tree/main/sub</c>, <c>api/datasets/NAME</c>, <c>NS/NAME/resolve/main/config.json</c>, <c>datasets/NS/NAME.git/info/lfs/objects/batch</c>.
/// </summary>
/// <param name="Type"><c>model</c> or <c>dataset</c>.</param>
/// <param name="Id"><c>NAMESPACE/NAME</c> or <c>NAME</c>.</param>
/// <param name="Action">revision, tree, commits, refs, paths-info, preupload, commit, resolve, raw, lfs-batch; "" is the repository itself.</param>
/// <param name="Revision">Null = not said.</param>
/// <param name="Path">Path in the repository; "" is the root.</param>
public sealed record HubAddress(string Type, string Id, string Action, string? Revision, string Path)
{
    public const string Model = "model", Dataset = "dataset";

    /// <summary>Characters of a repository's id, as the Hub has it.</summary>
    public const int MaxId = 96;

    private static readonly HashSet<string> ApiActions = ["revision", "tree", "commits", "refs", "paths-info", "preupload", "commit", "compare", "branch", "tag", "super-squash", "settings", "xet-read-token", "xet-write-token", "tags", "treesize"];

    private static readonly string[] Batch = ["info", "lfs", "objects", "batch"];

    /// <summary>True for an id of one or two parts of letters, digits, <c>. _ -</c>, without <c>--</c> and <c>..</c> (the Hub's own rule).</summary>
    public static bool IsValidId(string? id) => id is { Length: > 0 and <= MaxId } && id.Split('/') is { Length: 1 or 2 } parts
        && parts.All(p => p.Length > 0 && p.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') && p[0] is not ('.' or '-') && p[^1] is not ('.' or '-'))
        && !id.Contains("--", StringComparison.Ordinal) && !id.Contains("..", StringComparison.Ordinal);

    /// <param name="path">Without the leading slash, decoded but for <c>%2F</c>.</param>
    /// <returns>Null when it is no address of the Hub.</returns>
    public static HubAddress? Parse(string path)
    {
        var parts = path.Split('/');
        return parts[0] == "api" ? parts.Length > 1 && TypeOf(parts[1]) is { } type ? OfApi(type, parts[2..]) : null
            : TypeOf(parts[0]) is { } prefixed && parts.Length > 2 ? OfFile(prefixed, parts[1..]) : OfFile(Model, parts);
    }

    private static string? TypeOf(string plural) => plural switch { "models" => Model, "datasets" => Dataset, _ => null };

    private static HubAddress? OfApi(string type, string[] parts)
    {
        // A name may be a word of the protocol only as the first part: models/tree is a model, models/a/tree/main is the tree of "a".
        for (var at = 1; at <= 2 && at < parts.Length; at++)
        {
            if (!ApiActions.Contains(parts[at])) continue;
            return new HubAddress(type, Join(parts, 0, at), parts[at], parts.Length > at + 1 ? Unescape(parts[at + 1]) : null, parts.Length > at + 2 ? Join(parts, at + 2, parts.Length).Trim('/') : "");
        }
        return parts.Length is 1 or 2 && parts.All(p => p.Length > 0) ? new HubAddress(type, string.Join('/', parts), "", null, "") : null;
    }

    private static HubAddress? OfFile(string type, string[] parts)
    {
        for (var at = 1; at <= 2 && at < parts.Length; at++)
        {
            if (parts[at] is "resolve" or "raw" && parts.Length > at + 2)
                return new HubAddress(type, Join(parts, 0, at), parts[at], Unescape(parts[at + 1]), Join(parts, at + 2, parts.Length));
            if (parts[at] == "info" && parts[at - 1].EndsWith(".git", StringComparison.Ordinal) && parts.AsSpan(at).SequenceEqual(Batch))
                return new HubAddress(type, Join(parts, 0, at)[..^4], "lfs-batch", null, "");
        }
        return null;
    }

    private static string Join(string[] parts, int from, int to) => string.Join('/', parts, from, to - from);

    private static string Unescape(string revision) => revision.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
