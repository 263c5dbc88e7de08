using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reads <c>pilothouse.yaml</c>: reports every fault at once, each with line, key and remedy; never throws on its content.</summary>
public static class ProjectFileReader
{
    /// <summary>Faults reported for one file; further ones would not be read by a person.</summary>
    public const int MaxFaults = 100;

    /// <summary>Entries of one list or mapping.</summary>
    public const int MaxItems = 1_000;

    /// <summary>Reads a project file of at most 1 MiB.</summary>
    /// <param name="text">The whole text of the file.</param>
    public static ProjectFileResult Parse(string text) => Parse(text, asked: null);

    internal static ProjectFileResult Parse(string text, Action<AskedKey>? asked)
    {
        var faults = new FaultList();
        ProjectFile? file = null;
        try
        {
            var root = YamlTree.Parse(text);
            if (root is null or YamlScalar { IsNull: true })
                faults.Add(1, 1, "", "The file is empty.", $"Start it with apiVersion: {ProjectFile.SupportedApiVersion} and project: NAME, or run 'pilothouse init'.");
            else
                file = Root(root, new ReadContext(faults, asked));
        }
        catch (YamlFaultException e)
        {
            faults.Add(e.Line, e.Column, "", e.Message, e.Remedy);
        }

        return new ProjectFileResult(faults.Count == 0 ? file : null, faults.InFileOrder());
    }

    private static ProjectFile? Root(YamlNode root, ReadContext context)
    {
        if (ObjectReader.Open(root, "", "root", context) is not { } o)
            return null;

        var apiVersion = o.Text("apiVersion", required: true, ProjectFile.SupportedApiVersion);
        if (apiVersion is not null and not ProjectFile.SupportedApiVersion)
            o.Fault("apiVersion", $"This version of Pilothouse does not know '{ObjectReader.Shorten(apiVersion)}'.", $"Write apiVersion: {ProjectFile.SupportedApiVersion}, or use a newer Pilothouse.");
        var project = o.Text("project", required: true, "my-project");
        if (project is not null && !NameRule.IsValid(project))
            o.Fault("project", $"'{ObjectReader.Shorten(project)}' cannot be a name.", NameRule.Remedy);

        var sections = new SectionReader(context);
        var file = new ProjectFile
        {
            ApiVersion = apiVersion ?? "",
            Project = project ?? "",
            Description = o.Text("description", required: false, "what the project is for"),
            Models = o.Named("models", sections.Model),
            Data = o.Named("data", sections.Data),
            Suites = o.Named("suites", new SuiteReader(context).Suite),
            Fairness = o.Named("fairness", new FairnessReader(context).Fairness),
            Monitors = o.Named("monitors", sections.Monitor),
            Alerts = sections.Alerts(o),
            Environments = o.Named("environments", sections.Environment),
            Tools = o.Named("tools", new ReproduceReader(context).Tool),
            Ci = o.Named("ci", new CiReader(context).Job),
            Reproduce = new ReproduceReader(context).Reproduce(o),
        };
        o.Finish();
        file = file with { Suites = WithDefaultScorers(file) };
        new CrossReferences(file, (YamlMapping)root, context.Faults).Check();
        return file;
    }

    private static OrderedDictionary<string, SuiteEntry> WithDefaultScorers(ProjectFile file) => new(file.Suites.Select(s => KeyValuePair.Create(s.Key,
        s.Value.Scorers.Count > 0 ? s.Value : s.Value.Pack is { } pack ? s.Value with { Scorers = RedTeamPacks.Scorers(pack) } : s.Value.Target is { Command.Count: > 0 } ? s.Value with { Scorers = ScorerEntry.Defaults(ModelKind.Generative) } : !file.Models.TryGetValue(s.Value.Model, out var model) ? s.Value : s.Value with { Scorers = ScorerEntry.Defaults(model.Kind) })));
}
