using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.WebUtilities;

namespace Pilothouse.Web.Text;

/// <summary>Addresses of pages: the one place that knows them.</summary>
internal static class Links
{
    public static string Environment(string project, string name) => $"/environments/{E(project)}/{E(name)}";

    /// <param name="environment"><c>PROJECT/ENV</c>.</param>
    public static string Environment(string environment) => environment.Split('/', 2) is [var project, var name] ? Environment(project, name) : "/";

    public static string Experiment(string id) => $"/experiments/{E(id)}";

    /// <summary>Compares the runs of a filter.</summary>
    /// <param name="group">Such as <c>params.lr</c>: one curve for each value of it.</param>
    public static string Compare(string experimentId, string? filter, string? group) => "/runs/compare" + new QueryBuilder(
        new[] { ("experiment", experimentId), ("filter", filter), ("group", group) }.Where(p => p.Item2 is { Length: > 0 }).Select(p => KeyValuePair.Create(p.Item1, p.Item2!)));

    /// <summary>Compares runs by id.</summary>
    public static string Compare(IEnumerable<string> runIds) => "/runs/compare" + new QueryBuilder(runIds.Select(id => KeyValuePair.Create("run", id)));

    public static string Run(string id) => $"/runs/{E(id)}";

    /// <param name="tab">charts, system, media, artifacts, logs, lineage; "" is the overview.</param>
    public static string Run(string id, string tab) => tab.Length == 0 ? Run(id) : $"/runs/{E(id)}/{tab}";

    public static string RunMetric(string id, string key) => $"/runs/{E(id)}/charts?metric={E(key)}";

    public static string RunArtifact(string id, string path) => path.Length == 0 ? Run(id, "artifacts") : $"/runs/{E(id)}/artifacts?path={E(path)}";

    /// <summary>The bytes of an artifact, in a sandbox.</summary>
    public static string RunContent(string id, string path, bool download = false) => $"/api/v1/runs/{E(id)}/artifacts/content?path={E(path)}{(download ? "&download=true" : "")}";

    public static string RunLive(string id) => $"/api/v1/runs/{E(id)}/live";

    public static string Model(string name) => $"/models/{E(name)}";

    public static string Model(string name, int version) => $"/models/{E(name)}/{version}";

    public static string Dataset(string name) => $"/datasets/{E(name)}";

    public static string DatasetDiff(string name, int from, int to) => $"/datasets/{E(name)}/diff/{from}/{to}";

    public static string Dataset(string name, int version) => $"/datasets/{E(name)}/{version}";

    public static string Prompt(string name, int version) => $"/prompts/{E(name)}/{version}";

    public static string Release(string digest) => $"/releases/{E(digest)}";

    public static string Evaluation(string id) => $"/evaluations/{E(id)}";

    public static string EvaluationCases(string id, string? suite = null) => $"/evaluations/{E(id)}/cases{(suite is null ? "" : "?suite=" + E(suite))}";

    /// <summary>One case over the evaluations of a project.</summary>
    public static string EvaluationCase(string project, string suite, string caseId) => $"/evaluations/case?project={E(project)}&suite={E(suite)}&case={E(caseId)}";

    public static string Fairness(string id) => $"/fairness/{E(id)}";

    public static string Projects() => "/projects";

    /// <summary>Root of a project's repository at its default branch.</summary>
    public static string Project(string name) => $"/projects/{E(name)}";

    /// <param name="what"><c>files</c>, <c>commits</c>, <c>blame</c>.</param>
    public static string Repository(string project, string what, string? revision, string? path) => $"/projects/{E(project)}/{what}" + new QueryBuilder(
        new[] { ("revision", revision), ("path", path) }.Where(p => p.Item2 is { Length: > 0 }).Select(p => KeyValuePair.Create(p.Item1, p.Item2!)));

    public static string Branches(string project) => $"/projects/{E(project)}/branches";

    public static string Ci(string project) => $"/projects/{E(project)}/ci";

    public static string Commit(string project, string id) => $"/projects/{E(project)}/commits/{E(id)}";

    public static string CompareRevisions(string project, string from, string to) => $"/projects/{E(project)}/compare" + new QueryBuilder { { "from", from }, { "to", to } };

    /// <summary>The bytes of a file, in a sandbox; of an LFS pointer those of its object.</summary>
    public static string RepositoryContent(string project, string revision, string path, bool download = false) =>
        $"/api/v1/projects/{E(project)}/raw" + new QueryBuilder { { "revision", revision }, { "path", path }, { "download", download ? "true" : "false" } };

    /// <summary>The list of traces with one filter, such as <c>session</c>.</summary>
    public static string Traces(string filter, string value) => "/traces" + new QueryBuilder { { filter, value } };

    public static string Trace(string id) => $"/traces/{E(id)}";

    /// <summary>The lineage of a thing.</summary>
    /// <param name="reference">Such as <c>models:/assistant/2</c>.</param>
    public static string LineageOf(string reference) => "/lineage" + new QueryBuilder { { "ref", reference } };

    public static string Suite(string name, int version) => $"/suites/{E(name)}/{version}";

    /// <summary>The history of a pointer.</summary>
    /// <param name="to"><c>previous</c> or the id of a move: with the plan of going there; null = the history alone.</param>
    public static string Pointer(string reference, string? to = null) => "/pointers" + (to is null ? new QueryBuilder { { "ref", reference } } : new QueryBuilder { { "ref", reference }, { "to", to } });

    /// <summary>What changed between two things.</summary>
    /// <param name="kind">models, prompts or releases.</param>
    public static string Diff(string kind, string from, string to) => $"/diff/{kind}" + new QueryBuilder { { "from", from }, { "to", to } };

    /// <summary>Page of a node of lineage; null for what has none.</summary>
    public static string? Lineage(string kind, string id) => (kind, id.LastIndexOf('/')) switch
    {
        ("run", _) => Run(id),
        ("commit", > 0 and var cut) when !id.StartsWith("-/", StringComparison.Ordinal) => Commit(id[..cut], id[(cut + 1)..]),
        ("model", > 0 and var cut) => $"/models/{E(id[..cut])}/{id[(cut + 1)..]}",
        ("prompt", > 0 and var cut) => $"/prompts/{E(id[..cut])}/{id[(cut + 1)..]}",
        ("dataset", > 0 and var cut) => $"/datasets/{E(id[..cut])}/{id[(cut + 1)..]}",
        ("suite", > 0 and var cut) => $"/suites/{E(id[..cut])}/{id[(cut + 1)..]}",
        ("evaluation", _) => Evaluation(id),
        ("fairness", _) => Fairness(id),
        ("release", _) => Release(id),
        ("deployment", > 0 and var cut) => Environment(id[..cut]),
        _ => null,
    };

    /// <summary>Page of what a piece of evidence came from.</summary>
    public static string? Evidence(string type, string? id) => (type, id) switch
    {
        (_, null) => null,
        ("evaluation", _) => Evaluation(id),
        ("fairness", _) => Fairness(id),
        _ => null,
    };

    /// <summary><c>models:/assistant/2</c> to its page; null for what has none (<c>git:COMMIT</c>).</summary>
    public static string? Reference(string? reference)
    {
        if (reference is null || reference.IndexOf(":/", StringComparison.Ordinal) is var at && at < 0) return null;
        // A split has the page of its data set, with its rows.
        if (reference.IndexOf('#', StringComparison.Ordinal) is > 0 and var split && reference.StartsWith("datasets:/", StringComparison.Ordinal))
            return Reference(reference[..split]) is { } page ? $"{page}?split={E(reference[(split + 1)..])}" : null;
        return reference[(at + 2)..].TrimStart('/').Split('/') is [var name, var version] && int.TryParse(version, out _)
            ? reference[..at] switch { "models" => $"/models/{E(name)}/{version}", "datasets" => $"/datasets/{E(name)}/{version}", "prompts" => $"/prompts/{E(name)}/{version}", "suites" => $"/suites/{E(name)}/{version}", _ => null }
            : null;
    }

    /// <summary>Subject of an audit entry, e.g. <c>environments/support-assistant/production</c>, to its page.</summary>
    public static string? Subject(string subject) => subject.Split('/') switch
    {
        ["environments", var project, var name] => Environment(project, name),
        ["projects", var name] => Project(name),
        ["models", var name] => Model(name.Split('@')[0]),
        ["models", var name, var version] when int.TryParse(version, out var number) => Model(name, number),
        ["datasets", var name, var version] when int.TryParse(version, out var number) => Dataset(name, number),
        ["prompts", var name, var version] when int.TryParse(version, out var number) => Prompt(name, number),
        ["releases", var digest] => Release(digest),
        ["releases", _, var digest] when digest.StartsWith("sha256:", StringComparison.Ordinal) => Release(digest),
        ["projects", _, "evaluations", var id] => Evaluation(id),
        ["projects", _, "fairness", var id] => Fairness(id),
        ["evaluations", var id] => Evaluation(id),
        ["fairness", var id] => Fairness(id),
        _ => null,
    };

    /// <summary>The same page with other values in its query string; null removes a key.</summary>
    /// <param name="uri">Absolute address of the page.</param>
    public static string With(string uri, params ReadOnlySpan<(string Key, string? Value)> changes)
    {
        var parsed = new Uri(uri);
        var query = QueryHelpers.ParseQuery(parsed.Query);
        foreach (var (key, value) in changes)
        {
            if (string.IsNullOrEmpty(value)) query.Remove(key);
            else query[key] = value;
        }
        return parsed.AbsolutePath + new QueryBuilder(query.SelectMany(pair => pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value ?? "")));
    }

    /// <summary>The same page with all values of one key of its query string replaced.</summary>
    public static string WithAll(string uri, string key, IEnumerable<string> values) =>
        new Uri(uri).AbsolutePath + new QueryBuilder(Others(uri, [key]).Concat(values.Select(value => KeyValuePair.Create(key, value))));

    /// <summary>Current values of the query string but for some keys: the hidden fields of a GET form.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Others(string uri, IReadOnlyCollection<string> except) =>
        QueryHelpers.ParseQuery(new Uri(uri).Query).Where(pair => !except.Contains(pair.Key))
            .SelectMany(pair => (IEnumerable<string?>)pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value ?? ""));

    /// <summary>A path of this server, never another's: <c>//evil.example</c> and <c>/\evil</c> are not.</summary>
    public static string Local(string? path) => path is ['/', ..] and not ['/', '/' or '\\', ..] && !path.Any(char.IsControl) ? path : "/";

    private static string E(string part) => Uri.EscapeDataString(part);
}
