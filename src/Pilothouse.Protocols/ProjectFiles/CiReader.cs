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
    private const int MaxSchedules = 10;
    private const int MaxBranch = 255;
    private const long LeastMemory = 16L << 20;
    private const long MostMemory = 64L << 40;

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
            Memory = Memory(o),
            Cpu = o.Interval("cpu", required: false, "10m"),
            Required = o.Flag("required"),
            Environment = Variables(o),
            JUnit = Patterns(o, "junit", "[reports/*.xml]"),
            Artifacts = Patterns(o, "artifacts", "[reports/*]"),
        };
        o.Finish();
        if (entry.Timeout <= TimeSpan.Zero || entry.Timeout > LongestTimeout)
            o.Fault("timeout", "A job may take more than nothing and at most a day.", "Write something like 30m.");
        if (entry.Cpu is { } cpu && cpu <= TimeSpan.Zero)
            o.Fault("cpu", "A job needs some processor time.", "Write something like 10m.");
        foreach (var key in (string[])["steps", "memory", "cpu", "environment", "junit", "artifacts"])
            if (!builtIn && o.Has(key))
                o.Fault(key, $"'{key}' has no meaning for runner {ObjectReader.Shorten(runner)}: that system has a pipeline of its own.", $"Remove it, or use runner: {CiJobEntry.BuiltIn}.");
        return entry;
    }

    private CiTriggers Triggers(ObjectReader job)
    {
        if (job.Node("on", required: false, "{ push: [main] }") is not { } node || ObjectReader.Open(node, job.At("on"), "ci_on", context) is not { } o)
            return CiTriggers.Default;
        // Only new versions or its schedule start it, when nothing is said of pushes.
        var push = Patterns(o, "push", "[main, \"feature/*\"]");
        var triggers = new CiTriggers(o.Has("push") || o.Has("registry") || o.Has("schedule") ? push : CiTriggers.Default.Push, Patterns(o, "paths", "[\"prompts/*\"]"), o.Flag("registry"), Schedules(o));
        o.Finish();
        return triggers;
    }

    private List<CiSchedule> Schedules(ObjectReader on)
    {
        const string example = "\"0 3 * * *\"";
        if (on.Node("schedule", required: false, example) is not { } node)
            return [];
        var items = node is YamlSequence ? on.Items("schedule", required: false, example) : [node];
        if (items.Count == 0)
            on.Fault("schedule", "The list is empty.", $"Write schedule: {example}, or remove the key.");
        if (items.Count > MaxSchedules)
            on.Fault("schedule", $"A job has at most {MaxSchedules} schedules, not {items.Count}.", "Put several hours into one: 0 3,15 * * *.");
        var schedules = new List<CiSchedule>();
        foreach (var item in items.Take(MaxSchedules))
        {
            var path = node is YamlSequence ? $"schedule[{schedules.Count}]" : "schedule";
            var (cron, branch) = ((item as YamlScalar)?.Text, (string?)null);
            if (item is not YamlScalar)
            {
                if (ObjectReader.Open(item, on.At("") + path, "ci_schedule", context) is not { } o)
                    continue;
                (cron, branch) = (o.Text("cron", required: true, example), o.Text("branch", required: false, "main"));
                o.Finish();
                if (branch is { } name && (name.Length > MaxBranch || name[0] is '-' or '/' || name.Contains("..", StringComparison.Ordinal) || name.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c is '*' or '?' or '[' or ':' or '^' or '~' or '\\')))
                    o.Fault("branch", $"'{ObjectReader.Shorten(name)}' is no branch.", "Name one branch, without patterns.");
            }
            if (cron is not null && CronSchedule.Fault(cron) is { } fault)
                on.FaultAt(item, path, $"'{ObjectReader.Shorten(cron)}': {fault.Message}", fault.Remedy);
            schedules.Add(new CiSchedule(cron ?? "", branch));
        }

        return schedules;
    }

    private static long? Memory(ObjectReader o)
    {
        if (o.Text("memory", required: false, "2GiB") is not { } text)
            return null;
        if (ByteSize.TryParse(text, out var bytes) && bytes is >= LeastMemory and <= MostMemory)
            return bytes;
        o.Fault("memory", $"'{ObjectReader.Shorten(text)}' is no amount of memory from {ByteSize.Format(LeastMemory)} to {ByteSize.Format(MostMemory)}.", "Write a whole number and a unit, such as 512MiB or 2GiB.");
        return null;
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
            var step = new CiStepEntry(o.Source, o.Text("name", required: false, "check the data"), o.Text("run", required: false, "sh check.sh"), Suites(o), o.Flag("sync"));
            o.Finish();
            if (new[] { step.Run is not null, step.Suites is not null, step.Sync }.Count(given => given) != 1)
                o.Fault(step.Run is null ? "run" : step.Suites is null ? "sync" : "suites", "A step runs a command, or suites, or sync: exactly one of them.", "Write run: COMMAND, or suites: [NAME], or suites: all, or sync: true.");
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
