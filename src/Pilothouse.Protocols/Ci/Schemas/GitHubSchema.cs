using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Schemas;

/// <summary>GitHub Actions workflows (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax).</summary>
internal static class GitHubSchema
{
    private static readonly string[] Events =
    [
        "branch_protection_rule", "check_run", "check_suite", "create", "delete", "deployment", "deployment_status", "discussion", "discussion_comment", "fork", "gollum", "image_version", "issue_comment", "issues", "label",
        "merge_group", "milestone", "page_build", "project", "project_card", "project_column", "public", "pull_request", "pull_request_comment", "pull_request_review", "pull_request_review_comment", "pull_request_target", "push",
        "registry_package", "release", "repository_dispatch", "schedule", "status", "watch", "workflow_call", "workflow_dispatch", "workflow_run",
    ];

    private static readonly string[] Scopes =
    [
        "actions", "artifact-metadata", "attestations", "checks", "code-quality", "contents", "deployments", "discussions", "id-token", "issues", "models", "packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses",
    ];

    private static readonly Shape Permissions = Shape.Either(Shape.Word("read-all", "write-all"), Shape.Keys(Scopes.ToDictionary(s => s, _ => Shape.Word("read", "write", "none")), []));
    private static readonly Shape Concurrency = Shape.Either(Shape.Text, Shape.Keys(new() { ["group"] = Shape.Text, ["cancel-in-progress"] = Shape.Flag, ["queue"] = Shape.Text }, ["group"]));
    private static readonly Shape Defaults = Shape.Keys(new() { ["run"] = Shape.Keys(new() { ["shell"] = Shape.Text, ["working-directory"] = Shape.Text }, []) }, []);
    private static readonly Shape Env = Shape.Either(Shape.Expression, Shape.Map(Shape.Either(Shape.Nothing, Shape.Text)));
    private static readonly Shape Input = Shape.Keys(new()
    {
        ["type"] = Shape.Word("string", "boolean", "number", "choice", "environment"),
        ["description"] = Shape.Text,
        ["required"] = Shape.Flag,
        ["default"] = Shape.Any,
        ["options"] = Shape.List(Shape.Text, mayBeEmpty: false),
        ["deprecationMessage"] = Shape.Text,
    }, []);
    private static readonly Shape Filter = Shape.Keys(new()
    {
        ["branches"] = Shape.TextOrTexts,
        ["branches-ignore"] = Shape.TextOrTexts,
        ["tags"] = Shape.TextOrTexts,
        ["tags-ignore"] = Shape.TextOrTexts,
        ["paths"] = Shape.TextOrTexts,
        ["paths-ignore"] = Shape.TextOrTexts,
        ["types"] = Shape.TextOrTexts,
        ["workflows"] = Shape.TextOrTexts,
        ["inputs"] = Shape.Either(Shape.Nothing, Shape.Map(Shape.Either(Shape.Nothing, Input))),
        ["outputs"] = Shape.Any,
        ["secrets"] = Shape.Any,
        ["names"] = Shape.Any,
        ["versions"] = Shape.Any,
    }, []);

    private static readonly Shape On = Shape.Either(Shape.Word(Events), Shape.List(Shape.Word(Events), mayBeEmpty: false),
        Shape.Keys(Events.ToDictionary(e => e, e => e == "schedule" ? Shape.List(Shape.Keys(new() { ["cron"] = Shape.Text, ["timezone"] = Shape.Text }, ["cron"]), mayBeEmpty: false) : Shape.Either(Shape.Nothing, Filter)), []));

    private static readonly Shape Step = Shape.Keys(new()
    {
        ["id"] = Shape.Text,
        ["if"] = Shape.Text,
        ["name"] = Shape.Text,
        ["uses"] = Shape.Text,
        ["run"] = Shape.Text,
        ["working-directory"] = Shape.Text,
        ["shell"] = Shape.Text,
        ["with"] = Env,
        ["env"] = Env,
        ["continue-on-error"] = Shape.Flag,
        ["timeout-minutes"] = Shape.Number,
        ["background"] = Shape.Flag,
        ["wait"] = Shape.Any,
        ["wait-all"] = Shape.Any,
        ["cancel"] = Shape.Any,
        ["parallel"] = Shape.Any,
    }, []);

    private static readonly Shape Job = Shape.Keys(new()
    {
        ["name"] = Shape.Text,
        ["needs"] = Shape.TextOrTexts,
        ["permissions"] = Permissions,
        ["if"] = Shape.Text,
        ["runs-on"] = Shape.Either(Shape.Text, Shape.List(Shape.Text), Shape.Keys(new() { ["group"] = Shape.Text, ["labels"] = Shape.TextOrTexts }, [])),
        ["environment"] = Shape.Either(Shape.Text, Shape.Keys(new() { ["name"] = Shape.Text, ["url"] = Shape.Text, ["deployment"] = Shape.Flag }, ["name"])),
        ["concurrency"] = Concurrency,
        ["outputs"] = Shape.Map(Shape.Text),
        ["env"] = Env,
        ["defaults"] = Defaults,
        ["steps"] = Shape.List(Step, mayBeEmpty: false),
        ["timeout-minutes"] = Shape.Number,
        ["continue-on-error"] = Shape.Flag,
        ["container"] = Shape.Either(Shape.Text, Shape.Keys(new() { ["image"] = Shape.Text, ["credentials"] = Shape.Any, ["env"] = Env, ["ports"] = Shape.Any, ["volumes"] = Shape.Any, ["options"] = Shape.Text }, ["image"])),
        ["services"] = Shape.Map(Shape.Any),
        ["snapshot"] = Shape.Any,
        ["strategy"] = Shape.Keys(new() { ["matrix"] = Shape.Any, ["fail-fast"] = Shape.Flag, ["max-parallel"] = Shape.Count }, ["matrix"]),
        ["uses"] = Shape.Text,
        ["with"] = Env,
        ["secrets"] = Shape.Any,
    }, []);

    private static readonly Shape Root = Shape.Keys(new()
    {
        ["name"] = Shape.Text,
        ["run-name"] = Shape.Text,
        ["on"] = On,
        ["permissions"] = Permissions,
        ["env"] = Env,
        ["defaults"] = Defaults,
        ["concurrency"] = Concurrency,
        ["jobs"] = Shape.Map(Job),
    }, ["on", "jobs"]);

    public static void Check(YamlNode root, FaultList faults)
    {
        Root.Check(root, "", faults);
        GitHubExpressions.Check(root, faults);
        CheckInputs(root, "workflow_dispatch", faults);
        CheckInputs(root, "workflow_call", faults);
        if (Shape.Find(root, "jobs") is not YamlMapping jobs) return;
        var entries = Shape.Entries(jobs);
        if (entries.Count == 0) faults.Add(jobs, "jobs", "There is no job.", "Add one: jobs: { test: { runs-on: ubuntu-latest, steps: [...] } }.");
        var names = entries.Select(e => e.Key.Text).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, job) in entries) CheckJob(names, name, job, faults);
    }

    private static void CheckInputs(YamlNode root, string trigger, FaultList faults)
    {
        if (Shape.Find(Shape.Find(Shape.Find(root, "on"), trigger), "inputs") is not YamlMapping inputs) return;
        foreach (var (name, input) in Shape.Entries(inputs))
        {
            var (path, type) = ($"on.{trigger}.inputs.{ObjectReader.Shorten(name.Text)}", (Shape.Find(input, "type") as YamlScalar)?.Text);
            if (type == "choice" && Shape.Find(input, "options") is null) faults.Add(input, path, "A choice needs options.", "Add options: with a list.");
            if (type is null && trigger == "workflow_call") faults.Add(input, path, "The input of a reusable workflow needs a type.", "Add type: string, boolean or number.");
            if (Shape.Find(input, "default") is not YamlScalar { IsNull: false } value || value.Text.Contains("${{", StringComparison.Ordinal)) continue;
            var isFlag = value is { IsPlain: true, Text: "true" or "false" };
            if (type == "boolean" && !isFlag) faults.Add(value, path + ".default", $"{value.Describe()} is not true or false.", "Write true or false, without quotes.");
            if (type == "string" && isFlag) faults.Add(value, path + ".default", $"{value.Describe()} is no text.", "Write it in quotes.");
        }
    }

    private static void CheckJob(HashSet<string> names, YamlScalar name, YamlNode job, FaultList faults)
    {
        var path = Shape.At("jobs", name.Text);
        if (name.Text.Length == 0 || !(char.IsAsciiLetter(name.Text[0]) || name.Text[0] == '_') || !name.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
            faults.Add(name, path, $"'{ObjectReader.Shorten(name.Text)}' cannot be the id of a job.", "Use letters, digits, '-' and '_', beginning with a letter or '_'.");
        if (job is not YamlMapping) return;
        foreach (var need in Shape.Scalars(Shape.Find(job, "needs")).Where(n => !names.Contains(n.Text)))
            faults.Add(need, path + ".needs", $"There is no job '{ObjectReader.Shorten(need.Text)}'.", (faults.IsFull ? null : Suggestion.Nearest(need.Text, names)) is { } near ? $"Did you mean '{near}'?" : "Name a job of this workflow.");
        if (Shape.Find(job, "uses") is { } reusable)
        {
            if (reusable is YamlScalar workflow && !IsWorkflow(workflow.Text))
                faults.Add(workflow, path + ".uses", $"'{ObjectReader.Shorten(workflow.Text)}' names no reusable workflow.", "Write OWNER/NAME/.github/workflows/FILE.yml@VERSION or ./.github/workflows/FILE.yml.");
            return;
        }
        if (Shape.Find(job, "runs-on") is null) faults.Add(job, path + ".runs-on", "'runs-on' is missing.", "Add runs-on: ubuntu-latest.");
        if (Shape.Find(job, "steps") is not YamlSequence steps)
        {
            if (Shape.Find(job, "steps") is null) faults.Add(job, path + ".steps", "'steps' is missing.", "Add steps: with a list.");
            return;
        }
        for (var i = 0; i < steps.Items.Count; i++)
        {
            if (steps.Items[i] is not YamlMapping step) continue;
            var (runs, uses) = (Shape.Find(step, "run") is not null, Shape.Find(step, "uses") is { } used ? used : null);
            var other = Shape.Find(step, "wait") ?? Shape.Find(step, "wait-all") ?? Shape.Find(step, "cancel") ?? Shape.Find(step, "parallel");
            if (runs && uses is not null) faults.Add(step, $"{path}.steps[{i}]", "A step has 'run' or 'uses', not both.", "Make two steps of it.");
            else if (!runs && uses is null && other is null) faults.Add(step, $"{path}.steps[{i}]", "The step does nothing.", "Add run: with a command, or uses: with an action.");
            if (uses is YamlScalar action && !action.Text.StartsWith("./", StringComparison.Ordinal) && !action.Text.StartsWith("docker://", StringComparison.Ordinal) && !(action.Text.Contains('/') && action.Text.Contains('@')))
                faults.Add(action, $"{path}.steps[{i}].uses", $"'{ObjectReader.Shorten(action.Text)}' names no action.", "Write OWNER/NAME@VERSION, ./PATH or docker://IMAGE.");
        }
    }

    private static bool IsWorkflow(string uses)
    {
        var file = uses.StartsWith("./", StringComparison.Ordinal) ? uses : uses.Split('@') is [var before, { Length: > 0 }] ? before : "";
        return file.Contains(".github/workflows/", StringComparison.Ordinal) && (file.EndsWith(".yml", StringComparison.Ordinal) || file.EndsWith(".yaml", StringComparison.Ordinal));
    }
}
