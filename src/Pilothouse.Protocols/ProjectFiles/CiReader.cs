using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reader of <c>ci</c>.</summary>
internal sealed class CiReader(ReadContext context)
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(1);
    private const int MaxPatterns = 50;
    private const int MaxSteps = 50;
    private const int MaxRun = 32 * 1024;

    public CiJobEntry? Job(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "ci_job", context) is not { } o)
            return null;
        var runner = o.TextOr("runner", CiJobEntry.BuiltIn);
        if (!NameRule.IsValid(runner))
            o.Fault("runner", $"'{ObjectReader.Shorten(runner)}' is no runner.", $"Write {CiJobEntry.BuiltIn}, or the name of a connection to a CI system ('pilothouse ci list').");
        var builtIn = runner == CiJobEntry.BuiltIn;
        var entry = new CiJobEntry
        {
            Source = o.Source,
            On = Triggers(o),
            Needs = o.Texts("needs", required: false, "[lint]"),
            Runner = runner,
            Steps = Steps(o, builtIn),
            Timeout = o.Interval("timeout", required: false, "30m") ?? DefaultTimeout,
            Required = o.Flag("required"),
            Environment = Variables(o),
            JUnit = Patterns(o, "junit", "[reports/*.xml]"),
            Artifacts = Patterns(o, "artifacts", "[reports/*]"),
        };
        o.Finish();
        if (entry.Timeout <= TimeSpan.Zero || entry.Timeout > LongestTimeout)
            o.Fault("timeout", "A job may take more than nothing and at most a day.", "Write something like 30m.");
        foreach (var key in (string[])["steps", "environment", "junit", "artifacts"])
            if (!builtIn && o.Has(key))
                o.Fault(key, $"'{key}' has no meaning for runner {ObjectReader.Shorten(runner)}: that system has a pipeline of its own.", $"Remove it, or use runner: {CiJobEntry.BuiltIn}.");
        return entry;
    }

    private CiTriggers Triggers(ObjectReader job)
    {
        if (job.Node("on", required: false, "{ push: [main] }") is not { } node || ObjectReader.Open(node, job.At("on"), "ci_on", context) is not { } o)
            return CiTriggers.Default;
        // Only new versions start it, when nothing is said of pushes.
        var push = Patterns(o, "push", "[main, \"feature/*\"]");
        var triggers = new CiTriggers(o.Has("push") || o.Has("registry") ? push : CiTriggers.Default.Push, Patterns(o, "paths", "[\"prompts/*\"]"), o.Flag("registry"));
        o.Finish();
        return triggers;
    }

    private List<CiStepEntry> Steps(ObjectReader job, bool required)
    {
        var items = job.Items("steps", required: false, "[{ run: sh check.sh }]");
        if (required && items.Count == 0)
            job.Fault("steps", "The job does nothing.", "Add steps: [{ run: sh check.sh }].");
        if (items.Count > MaxSteps)
            job.Fault("steps", $"A job has at most {MaxSteps} steps, not {items.Count}.", "Put several commands into one step, or make another job.");
        var steps = new List<CiStepEntry>();
        for (var i = 0; i < Math.Min(items.Count, MaxSteps); i++)
        {
            if (ObjectReader.Open(items[i], $"{job.At("steps")}[{i}]", "ci_step", context) is not { } o)
                continue;
            var step = new CiStepEntry(o.Source, o.Text("name", required: false, "check the data"), o.Text("run", required: false, "sh check.sh"), Suites(o));
            o.Finish();
            if (step.Run is null == step.Suites is null)
                o.Fault(step.Run is null ? "run" : "suites", "A step runs a command or suites: exactly one of the two.", "Write run: COMMAND, or suites: [NAME], or suites: all.");
            if (step.Run?.Length > MaxRun)
                o.Fault("run", $"The command has {step.Run.Length} characters, more than {MaxRun}.", "Put it into a script of the repository.");
            steps.Add(step);
        }

        return steps;
    }

    /// <summary>Null = none; empty = all.</summary>
    private static IReadOnlyList<string>? Suites(ObjectReader step)
    {
        if (step.Node("suites", required: false, "[quality]") is not { } node)
            return null;
        if (node is YamlScalar { Text: "all" })
            return [];
        var names = step.Texts("suites", required: false, "[quality]");
        if (names.Count == 0)
            step.Fault("suites", "No suite is named.", "Write suites: [NAME], or suites: all.");
        return names;
    }

    private static OrderedDictionary<string, string> Variables(ObjectReader o)
    {
        var variables = o.TextMap("environment", required: false, "{ MODE: fast }");
        foreach (var name in variables.Keys.Where(n => n.Length == 0 || !n.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || char.IsAsciiDigit(n[0]) || n.StartsWith("PILOTHOUSE_", StringComparison.Ordinal)))
            o.Fault("environment", $"'{ObjectReader.Shorten(name)}' cannot be a variable.", "Use letters, digits and '_', not beginning with a digit or with PILOTHOUSE_.");
        return variables;
    }

    private static IReadOnlyList<string> Patterns(ObjectReader o, string key, string example)
    {
        var patterns = o.Texts(key, required: false, example);
        if (patterns.Count > MaxPatterns)
            o.Fault(key, $"There are {patterns.Count} patterns, more than {MaxPatterns}.", "Use '*' for many names.");
        foreach (var pattern in patterns.Where(p => p.Length > 255 || p[0] == '/' || p.Any(char.IsControl) || p.Split('/').Contains("..")))
            o.Fault(key, $"'{ObjectReader.Shorten(pattern)}' is no pattern of names here.", "Write it relative, such as prompts/* or *.xml.");
        return patterns;
    }
}
