using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>What a version says of where it comes from, as edges of lineage.</summary>
internal static class VersionOrigin
{
    public static IEnumerable<(LineageNode From, string Relation)> Of(VersionRow version)
    {
        if (version.RunId is { Length: > 0 } run) yield return (LineageNode.Run(run), "made by");
        if (version.CommitId is { Length: > 0 } commit) yield return (LineageNode.Commit(version.Project, commit), "code");
        if (version.ModelId is { Length: > 0 } logged) yield return (new LineageNode(LineageKind.LoggedModel, logged), "registered from");
        foreach (var dataset in WireJson.Read<List<string>>(version.Datasets))
            if (LineageNode.FromReference(dataset) is { } node) yield return (node, version.Type == ObjectType.Suite ? "cases of" : "trained on");
        if (LineageNode.FromReference(version.BaseModel) is { } parent) yield return (parent, BaseRelation.Words(version.BaseRelation));
        // Registered as a copy: models:/NAME/VERSION as its source.
        if (LineageNode.FromReference(version.Source) is { } copied && copied != LineageNode.Version(version.Type, version.Name, version.Version)) yield return (copied, "copy of");
    }
}
