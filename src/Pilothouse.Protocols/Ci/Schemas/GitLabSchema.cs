using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Schemas;

/// <summary>GitLab's <c>.gitlab-ci.yml</c> (https://docs.gitlab.com/ci/yaml/).</summary>
internal static class GitLabSchema
{
    private static readonly string[] Globals = ["default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "spec", "types"];
    private static readonly string[] DefaultStages = [".pre", "build", "test", "deploy", ".post"];

    private static readonly Shape Script = Shape.Either(Shape.Text, Shape.List(Shape.Either(Shape.Text, Shape.List(Shape.Any))));
    private static readonly Shape Image = Shape.Either(Shape.Text, Shape.Keys(new() { ["name"] = Shape.Text, ["entrypoint"] = Shape.Any, ["docker"] = Shape.Any, ["kubernetes"] = Shape.Any, ["pull_policy"] = Shape.TextOrTexts }, ["name"]));
    private static readonly Shape Services = Shape.List(Shape.Either(Shape.Text, Shape.Keys(new() { ["name"] = Shape.Text, ["alias"] = Shape.Text, ["entrypoint"] = Shape.Any, ["command"] = Shape.Any, ["docker"] = Shape.Any, ["kubernetes"] = Shape.Any, ["pull_policy"] = Shape.TextOrTexts, ["variables"] = Shape.Any }, ["name"])));
    private static readonly Shape When = Shape.Word("on_success", "on_failure", "always", "manual", "delayed", "never");
    private static readonly Shape Vars = Shape.Map(Shape.Either(Shape.Text, Shape.Keys(new() { ["value"] = Shape.Text, ["description"] = Shape.Text, ["options"] = Shape.List(Shape.Text), ["expand"] = Shape.Flag }, [])));

    private static readonly Shape CacheOne = Shape.Keys(new()
    {
        ["key"] = Shape.Either(Shape.Text, Shape.Keys(new() { ["files"] = Shape.List(Shape.Text), ["files_commits"] = Shape.List(Shape.Text), ["prefix"] = Shape.Text }, [])),
        ["paths"] = Shape.List(Shape.Text),
        ["policy"] = Shape.Text,
        ["untracked"] = Shape.Flag,
        ["unprotect"] = Shape.Flag,
        ["when"] = Shape.Word("on_success", "on_failure", "always"),
        ["fallback_keys"] = Shape.List(Shape.Text),
    }, []);

    private static readonly Shape Cache = Shape.Either(CacheOne, Shape.List(CacheOne));

    private static readonly Shape Artifacts = Shape.Keys(new()
    {
        ["paths"] = Shape.List(Shape.Text),
        ["exclude"] = Shape.List(Shape.Text),
        ["expire_in"] = Shape.Text,
        ["expose_as"] = Shape.Text,
        ["name"] = Shape.Text,
        ["untracked"] = Shape.Flag,
        ["when"] = Shape.Word("on_success", "on_failure", "always"),
        ["access"] = Shape.Word("none", "developer", "maintainer", "all"),
        ["public"] = Shape.Flag,
        ["reports"] = Shape.Keys(new() { ["junit"] = Shape.TextOrTexts, ["dotenv"] = Shape.TextOrTexts, ["metrics"] = Shape.TextOrTexts, ["coverage_report"] = Shape.Any, ["codequality"] = Shape.TextOrTexts, ["sast"] = Shape.TextOrTexts, ["annotations"] = Shape.TextOrTexts, ["terraform"] = Shape.TextOrTexts }, [], Shape.Any),
    }, []);

    private static readonly Shape Rules = Shape.List(Shape.Either(Shape.List(Shape.Any), Shape.Keys(new()
    {
        ["if"] = Shape.Text,
        ["changes"] = Shape.Any,
        ["exists"] = Shape.Any,
        ["when"] = When,
        ["allow_failure"] = Shape.Any,
        ["variables"] = Shape.Any,
        ["start_in"] = Shape.Text,
        ["needs"] = Shape.Any,
        ["interruptible"] = Shape.Flag,
        ["auto_cancel"] = Shape.Any,
    }, [])));

    private static readonly Shape Job = Shape.Keys(new()
    {
        ["script"] = Script,
        ["before_script"] = Script,
        ["after_script"] = Script,
        ["stage"] = Shape.Text,
        ["image"] = Image,
        ["services"] = Services,
        ["variables"] = Vars,
        ["cache"] = Cache,
        ["artifacts"] = Artifacts,
        ["rules"] = Rules,
        ["needs"] = Shape.List(Shape.Any),
        ["dependencies"] = Shape.List(Shape.Text),
        ["extends"] = Shape.TextOrTexts,
        ["tags"] = Shape.List(Shape.Text),
        ["when"] = When,
        ["allow_failure"] = Shape.Either(Shape.Flag, Shape.Keys(new() { ["exit_codes"] = Shape.Either(Shape.Count, Shape.List(Shape.Count)) }, ["exit_codes"])),
        ["timeout"] = Shape.Text,
        ["retry"] = Shape.Either(Shape.Count, Shape.Keys(new() { ["max"] = Shape.Count, ["when"] = Shape.TextOrTexts, ["exit_codes"] = Shape.Any }, [])),
        ["interruptible"] = Shape.Flag,
        ["only"] = Shape.Any,
        ["except"] = Shape.Any,
        ["environment"] = Shape.Any,
        ["coverage"] = Shape.Text,
        ["parallel"] = Shape.Any,
        ["trigger"] = Shape.Any,
        ["release"] = Shape.Any,
        ["resource_group"] = Shape.Text,
        ["secrets"] = Shape.Any,
        ["id_tokens"] = Shape.Any,
        ["inherit"] = Shape.Any,
        ["pages"] = Shape.Any,
        ["publish"] = Shape.Text,
        ["start_in"] = Shape.Text,
        ["hooks"] = Shape.Any,
        ["identity"] = Shape.Text,
        ["dast_configuration"] = Shape.Any,
        ["manual_confirmation"] = Shape.Text,
        ["run"] = Shape.Any,
        ["inputs"] = Shape.Any,
    }, []);

    private static readonly Shape Root = Shape.Keys(new()
    {
        ["default"] = Shape.Keys(new()
        {
            ["image"] = Image,
            ["services"] = Services,
            ["cache"] = Cache,
            ["before_script"] = Script,
            ["after_script"] = Script,
            ["artifacts"] = Artifacts,
            ["tags"] = Shape.List(Shape.Text),
            ["retry"] = Shape.Any,
            ["timeout"] = Shape.Text,
            ["interruptible"] = Shape.Flag,
            ["hooks"] = Shape.Any,
            ["id_tokens"] = Shape.Any,
            ["identity"] = Shape.Text,
        }, []),
        ["include"] = Shape.Any,
        ["stages"] = Shape.List(Shape.Text, mayBeEmpty: false),
        ["types"] = Shape.Any,
        ["variables"] = Vars,
        ["image"] = Image,
        ["services"] = Services,
        ["cache"] = Cache,
        ["before_script"] = Script,
        ["after_script"] = Script,
        ["spec"] = Shape.Any,
        ["workflow"] = Shape.Keys(new() { ["name"] = Shape.Text, ["rules"] = Rules, ["auto_cancel"] = Shape.Any }, []),
    }, [], Shape.Any);

    public static void Check(YamlNode root, FaultList faults)
    {
        Root.Check(root, "", faults);
        if (root is not YamlMapping mapping) return;
        var jobs = Shape.Entries(mapping).Where(e => !Globals.Contains(e.Key.Text)).ToList();
        var names = jobs.Select(j => j.Key.Text).ToHashSet(StringComparer.Ordinal);
        var includes = Shape.Find(root, "include") is not null; // what it brings is not known offline
        var stages = Shape.Find(root, "stages") is YamlSequence list ? (HashSet<string>)[".pre", ".post", .. Shape.Scalars(list).Select(s => s.Text)] : [.. DefaultStages];
        if (!includes && jobs.TrueForAll(j => j.Key.Text.StartsWith('.'))) faults.Add(root, "", "The pipeline has no job.", "Add one: a name with script: below it.");
        foreach (var (name, job) in jobs)
        {
            // Hidden entries are pieces for others, of any shape.
            if (name.Text.StartsWith('.')) continue;
            Job.Check(job, ObjectReader.Shorten(name.Text), faults);
            if (job is YamlMapping) CheckJob(name, job, names, stages, includes, faults);
        }
    }

    private static void CheckJob(YamlScalar name, YamlNode job, HashSet<string> names, HashSet<string> stages, bool includes, FaultList faults)
    {
        var path = ObjectReader.Shorten(name.Text);
        if (!((string[])["script", "trigger", "extends", "run"]).Any(key => Shape.Find(job, key) is not null)) faults.Add(name, path, "The job does nothing.", "Add script: with a list of commands.");
        if (includes) return;
        if (Shape.Find(job, "stage") is YamlScalar { IsNull: false } stage && !stages.Contains(stage.Text) && !stage.Text.Contains('$'))
            faults.Add(stage, path + ".stage", $"'{ObjectReader.Shorten(stage.Text)}' is not among the stages.", (faults.IsFull ? null : Suggestion.Nearest(stage.Text, stages)) is { } near ? $"Did you mean '{near}'?" : "Add it to stages:.");
        foreach (var parent in Shape.Scalars(Shape.Find(job, "extends"))) Known(parent, path + ".extends", names, faults);
        foreach (var need in Shape.Scalars(Shape.Find(job, "dependencies"))) Known(need, path + ".dependencies", names, faults);
        if (Shape.Find(job, "needs") is not YamlSequence needs) return;
        foreach (var need in needs.Items)
            if ((need is YamlScalar plain ? plain : Shape.Find(need, "pipeline") is null && Shape.Find(need, "project") is null ? Shape.Find(need, "job") as YamlScalar : null) is { } job2) Known(job2, path + ".needs", names, faults);
    }

    private static void Known(YamlScalar name, string path, HashSet<string> names, FaultList faults)
    {
        if (names.Contains(name.Text) || name.Text.Contains('$')) return;
        faults.Add(name, path, $"There is no job '{ObjectReader.Shorten(name.Text)}'.", (faults.IsFull ? null : Suggestion.Nearest(name.Text, names)) is { } near ? $"Did you mean '{near}'?" : "Name a job of this file.");
    }
}
