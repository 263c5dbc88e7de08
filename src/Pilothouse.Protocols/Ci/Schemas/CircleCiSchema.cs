using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Schemas;

/// <summary>CircleCI's configuration 2.1 (https://circleci.com/docs/reference/configuration-reference/): keys, and what names what.</summary>
internal static class CircleCiSchema
{
    private static readonly string[] BuiltIn =
    [
        "checkout", "run", "setup_remote_docker", "save_cache", "restore_cache", "store_artifacts", "store_test_results", "persist_to_workspace", "attach_workspace", "add_ssh_keys", "when", "unless",
    ];

    private static readonly Shape Filter = Shape.Either(Shape.Text, Shape.Keys(new() { ["branches"] = Only(), ["tags"] = Only() }, []));
    private static readonly Shape Steps = Shape.Later(() => Shape.List(Step!, mayBeEmpty: false));
    private static readonly Shape When = Shape.Keys(new() { ["condition"] = Shape.Any, ["steps"] = Steps }, ["condition", "steps"]);
    private static readonly Shape Step = Shape.Either(Shape.Text, Shape.Keys(new()
    {
        ["run"] = Shape.Either(Shape.Text, Shape.Keys(new()
        {
            ["command"] = Shape.Text,
            ["name"] = Shape.Text,
            ["shell"] = Shape.Text,
            ["environment"] = Shape.Any,
            ["background"] = Shape.Flag,
            ["working_directory"] = Shape.Text,
            ["no_output_timeout"] = Shape.Text,
            ["when"] = Shape.Word("always", "on_success", "on_fail"),
            ["max_auto_reruns"] = Shape.Count,
            ["auto_rerun_delay"] = Shape.Text,
        }, ["command"])),
        ["checkout"] = Shape.Keys(new() { ["name"] = Shape.Text, ["path"] = Shape.Text, ["method"] = Shape.Word("blobless", "full") }, []),
        ["setup_remote_docker"] = Shape.Either(Shape.Nothing, Shape.Keys(new() { ["name"] = Shape.Text, ["docker_layer_caching"] = Shape.Flag, ["version"] = Shape.Text }, [])),
        ["save_cache"] = Shape.Keys(new() { ["paths"] = Shape.List(Shape.Text, mayBeEmpty: false), ["key"] = Shape.Text, ["name"] = Shape.Text, ["when"] = Shape.Word("always", "on_success", "on_fail") }, ["paths", "key"]),
        ["restore_cache"] = Shape.Keys(new() { ["key"] = Shape.Text, ["keys"] = Shape.List(Shape.Text, mayBeEmpty: false), ["name"] = Shape.Text }, []),
        ["store_artifacts"] = Shape.Keys(new() { ["path"] = Shape.Text, ["destination"] = Shape.Text }, ["path"]),
        ["store_test_results"] = Shape.Keys(new() { ["path"] = Shape.Text }, ["path"]),
        ["persist_to_workspace"] = Shape.Keys(new() { ["root"] = Shape.Text, ["paths"] = Shape.List(Shape.Text) }, ["root", "paths"]),
        ["attach_workspace"] = Shape.Keys(new() { ["at"] = Shape.Text }, ["at"]),
        ["add_ssh_keys"] = Shape.Either(Shape.Nothing, Shape.Keys(new() { ["fingerprints"] = Shape.List(Shape.Text) }, [])),
        ["when"] = When,
        ["unless"] = When,
    }, [], Shape.Any));

    private static readonly Shape Image = Shape.Keys(new()
    {
        ["image"] = Shape.Text,
        ["name"] = Shape.Text,
        ["entrypoint"] = Shape.TextOrTexts,
        ["command"] = Shape.TextOrTexts,
        ["user"] = Shape.Text,
        ["environment"] = Shape.Any,
        ["auth"] = Shape.Any,
        ["aws_auth"] = Shape.Any,
    }, ["image"]);

    private static readonly Dictionary<string, Shape> Executor = new()
    {
        ["description"] = Shape.Text,
        ["docker"] = Shape.List(Image, mayBeEmpty: false),
        ["machine"] = Shape.Any,
        ["macos"] = Shape.Any,
        ["resource_class"] = Shape.Text,
        ["shell"] = Shape.Text,
        ["working_directory"] = Shape.Text,
        ["environment"] = Shape.Any,
        ["parameters"] = Shape.Any,
    };

    private static readonly Shape Job = Shape.Keys(new(Executor)
    {
        ["steps"] = Steps,
        ["executor"] = Shape.Either(Shape.Text, Shape.Map(Shape.Any)),
        ["parallelism"] = Shape.Count,
        ["retention"] = Shape.Any,
        ["circleci_ip_ranges"] = Shape.Flag,
        ["type"] = Shape.Word("build", "release", "lock", "unlock", "approval", "no-op"),
        ["branches"] = Shape.Any,
    }, []);

    private static readonly Shape Invocation = Shape.Either(Shape.Text, Shape.Map(Shape.Keys(new() { ["requires"] = Shape.List(Shape.Either(Shape.Text, Shape.Map(Shape.TextOrTexts))), ["filters"] = Filter, ["name"] = Shape.Text, ["type"] = Shape.Word("approval", "no-op"), ["context"] = Shape.TextOrTexts, ["matrix"] = Shape.Any }, [], Shape.Any)));

    private static readonly Shape Workflow = Shape.Keys(new()
    {
        ["jobs"] = Shape.List(Invocation, mayBeEmpty: false),
        ["when"] = Shape.Any,
        ["unless"] = Shape.Any,
        ["max_auto_reruns"] = Shape.Count,
        ["triggers"] = Shape.List(Shape.Keys(new() { ["schedule"] = Shape.Keys(new() { ["cron"] = Shape.Text, ["filters"] = Filter }, ["cron", "filters"]) }, ["schedule"])),
    }, ["jobs"]);

    private static readonly Shape Root = Shape.Keys(new()
    {
        ["version"] = Shape.Word("2.1"),
        ["setup"] = Shape.Flag,
        ["orbs"] = Shape.Map(Shape.Any),
        ["parameters"] = Shape.Map(Shape.Keys(new() { ["type"] = Shape.Word("string", "boolean", "integer", "enum"), ["default"] = Shape.Any, ["description"] = Shape.Text, ["enum"] = Shape.List(Shape.Any) }, ["type"])),
        ["commands"] = Shape.Map(Shape.Keys(new() { ["description"] = Shape.Text, ["parameters"] = Shape.Any, ["steps"] = Steps }, ["steps"])),
        ["executors"] = Shape.Map(Shape.Keys(Executor, [])),
        ["jobs"] = Shape.Map(Job),
        ["job-groups"] = Shape.Any,
        ["experimental"] = Shape.Any,
        ["workflows"] = Shape.Keys(new() { ["version"] = Shape.Number }, [], Workflow),
    }, ["version"], Shape.UnlessSlip);

    public static void Check(YamlNode root, FaultList faults)
    {
        Root.Check(root, "", faults);
        var jobs = Names(root, "jobs");
        if (root is YamlMapping && Shape.Find(root, "workflows") is null && !jobs.Contains("build")) faults.Add(root, "workflows", "Nothing would run: there are no workflows and no job 'build'.", "Add workflows: { NAME: { jobs: [...] } }.");
        foreach (var (name, job) in Named(root, "jobs")) CheckJob(root, name.Text, job, faults);
        foreach (var (name, command) in Named(root, "commands")) CheckSteps(root, Shape.Find(command, "steps"), $"commands.{name.Text}.steps", faults);
        foreach (var (name, workflow) in Named(root, "workflows").Where(w => w.Key.Text != "version")) CheckWorkflow(root, jobs, $"workflows.{name.Text}", workflow, faults);
    }

    private static void CheckJob(YamlNode root, string name, YamlNode job, FaultList faults)
    {
        if (job is not YamlMapping mapping) return;
        var path = $"jobs.{name}";
        var keys = Shape.Entries(mapping).Select(e => e.Key.Text).ToHashSet(StringComparer.Ordinal);
        if (keys.Contains("type")) return; // an approval or lock runs nothing
        if (!keys.Contains("steps")) faults.Add(job, $"{path}.steps", "'steps' is missing.", "Add steps: with a list, beginning with checkout.");
        if (!keys.Overlaps(["docker", "machine", "macos", "executor"])) faults.Add(job, path, "The job does not say where it runs.", "Add docker: with a list of images, machine:, macos: or executor:.");
        if (Shape.Find(job, "executor") is { } executor && (executor is YamlScalar plain ? plain : Shape.Find(executor, "name") as YamlScalar) is { } used && !used.Text.Contains('/') && !Names(root, "executors").Contains(used.Text))
            faults.Add(used, $"{path}.executor", $"There is no executor '{ObjectReader.Shorten(used.Text)}'.", "Declare it under executors:, or name one that is there.");
        CheckSteps(root, Shape.Find(job, "steps"), $"{path}.steps", faults);
    }

    private static void CheckSteps(YamlNode root, YamlNode? steps, string path, FaultList faults)
    {
        if (steps is not YamlSequence list) return;
        var known = Names(root, "commands").Concat(BuiltIn).ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < list.Items.Count; i++)
        {
            var step = list.Items[i] switch { YamlScalar scalar => scalar, YamlMapping { Entries: [var only] } => only.Key, _ => null };
            if (step is null)
            {
                if (list.Items[i] is YamlMapping { Entries.Count: > 1 } many) faults.Add(many.Entries[1].Key, $"{path}[{i}]", "A step has one key.", "Indent what belongs to the step, or begin a new one with '- '.");
                continue;
            }
            if (step.Text.Contains('/') || step.Text.Contains("<<", StringComparison.Ordinal) || known.Contains(step.Text)) continue; // orbs are not looked up offline
            var nearest = faults.IsFull ? null : Suggestion.Nearest(step.Text, known);
            faults.Add(step, $"{path}[{i}]", $"There is no step or command '{ObjectReader.Shorten(step.Text)}'.", nearest is null ? "Use a built-in step, one of commands:, or ORB/COMMAND." : $"Did you mean '{nearest}'?");
        }
    }

    private static void CheckWorkflow(YamlNode root, HashSet<string> jobs, string path, YamlNode workflow, FaultList faults)
    {
        if (Shape.Find(workflow, "jobs") is not YamlSequence list) return;
        var orbs = Names(root, "orbs");
        var invocations = list.Items.Select(i => i switch
        {
            YamlScalar scalar => new Invoked(scalar, null),
            YamlMapping { Entries: [var only] } => new Invoked(only.Key, only.Value),
            _ => null,
        }).OfType<Invoked>().ToList();
        var names = invocations.Select(i => (Shape.Find(i.Body, "name") as YamlScalar)?.Text ?? i.Job.Text).ToHashSet(StringComparer.Ordinal);
        foreach (var (job, body) in invocations)
        {
            var isGate = Shape.Find(body, "type") is YamlScalar;
            if (!isGate && !jobs.Contains(job.Text) && !(job.Text.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash && orbs.Contains(job.Text[..slash])))
                faults.Add(job, $"{path}.jobs", $"There is no job '{ObjectReader.Shorten(job.Text)}'.", (faults.IsFull ? null : Suggestion.Nearest(job.Text, jobs)) is { } near ? $"Did you mean '{near}'?" : "Declare it under jobs:.");
            foreach (var need in Shape.Scalars(Shape.Find(body, "requires")).Where(n => !names.Contains(n.Text) && Shape.Find(body, "matrix") is null && !n.Text.Contains("<<", StringComparison.Ordinal)))
                faults.Add(need, $"{path}.jobs.{ObjectReader.Shorten(job.Text)}.requires", $"The workflow has no job '{ObjectReader.Shorten(need.Text)}'.", "Name a job of this workflow, or remove it.");
        }
    }

    private sealed record Invoked(YamlScalar Job, YamlNode? Body);

    private static Shape Only() => Shape.Keys(new() { ["only"] = Shape.TextOrTexts, ["ignore"] = Shape.TextOrTexts }, []);

    private static List<YamlEntry> Named(YamlNode root, string key) => Shape.Find(root, key) is YamlMapping mapping ? Shape.Entries(mapping) : [];

    private static HashSet<string> Names(YamlNode root, string key) => Named(root, key).Select(e => e.Key.Text).ToHashSet(StringComparer.Ordinal);
}
