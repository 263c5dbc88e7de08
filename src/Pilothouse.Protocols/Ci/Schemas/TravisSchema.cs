using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Schemas;

/// <summary>Travis CI's configuration (https://config.travis-ci.com/): root, jobs, stages, cache, notifications.</summary>
internal static class TravisSchema
{
    private static readonly string[] Languages =
    [
        "android", "c", "clojure", "cpp", "c++", "crystal", "csharp", "d", "dart", "elixir", "elm", "erlang", "generic", "go", "golang", "groovy", "hack", "haskell", "haxe", "java", "jvm", "julia", "matlab", "nix",
        "node_js", "javascript", "js", "node", "perl", "perl6", "php", "python", "r", "ruby", "objective-c", "objective_c", "swift", "rust", "scala", "shell", "bash", "sh", "smalltalk",
    ];

    private static readonly Shape Script = Shape.TextOrTexts;
    private static readonly Shape Secure = Shape.Either(Shape.Text, Shape.Keys(new() { ["secure"] = Shape.Text }, ["secure"]));
    private static readonly Shape EnvItems = Shape.Either(Shape.Text, Shape.List(Shape.Either(Shape.Text, Shape.Map(Secure))), Shape.Map(Secure));
    private static readonly Shape Frequency = Shape.Word("always", "never", "change");
    private static readonly Shape Webhook = Shape.Keys(new() { ["urls"] = Shape.Either(Shape.Text, Shape.List(Secure)), ["on_success"] = Frequency, ["on_failure"] = Frequency, ["on_start"] = Frequency, ["on_cancel"] = Frequency, ["on_error"] = Frequency, ["enabled"] = Shape.Flag, ["disabled"] = Shape.Flag, ["if"] = Shape.Text, ["secure"] = Shape.Text }, []);

    private static readonly Shape Cache = Shape.Either(Shape.Flag, Shape.List(Shape.Any), Shape.Keys(new()
    {
        ["directories"] = Shape.TextOrTexts,
        ["apt"] = Shape.Flag,
        ["bundler"] = Shape.Flag,
        ["cargo"] = Shape.Flag,
        ["ccache"] = Shape.Flag,
        ["cocoapods"] = Shape.Flag,
        ["npm"] = Shape.Flag,
        ["packages"] = Shape.Flag,
        ["pip"] = Shape.Flag,
        ["yarn"] = Shape.Flag,
        ["edge"] = Shape.Flag,
        ["timeout"] = Shape.Count,
        ["branch"] = Shape.Text,
    }, []));

    private static readonly Dictionary<string, Shape> Job = new()
    {
        ["language"] = Shape.Word(Languages),
        ["os"] = Shape.TextOrTexts,
        ["dist"] = Shape.TextOrTexts,
        ["arch"] = Shape.TextOrTexts,
        ["osx_image"] = Shape.TextOrTexts,
        ["sudo"] = Shape.Text,
        ["virt"] = Shape.Any,
        ["vm"] = Shape.Any,
        ["group"] = Shape.Text,
        ["before_install"] = Script,
        ["install"] = Script,
        ["before_script"] = Script,
        ["script"] = Script,
        ["after_script"] = Script,
        ["after_success"] = Script,
        ["after_failure"] = Script,
        ["before_cache"] = Script,
        ["before_deploy"] = Script,
        ["deploy"] = Shape.Any,
        ["after_deploy"] = Script,
        ["addons"] = Shape.Any,
        ["branches"] = Shape.Any,
        ["services"] = Shape.TextOrTexts,
        ["workspaces"] = Shape.Any,
        ["keys"] = Shape.Any,
        ["if"] = Shape.Text,
        ["cache"] = Cache,
        ["dotnet"] = Shape.TextOrTexts,
        ["mono"] = Shape.TextOrTexts,
        ["solution"] = Shape.Text,
        ["compiler"] = Shape.TextOrTexts,
        ["python"] = Shape.TextOrTexts,
        ["node_js"] = Shape.TextOrTexts,
        ["go"] = Shape.TextOrTexts,
        ["jdk"] = Shape.TextOrTexts,
        ["rvm"] = Shape.TextOrTexts,
        ["php"] = Shape.TextOrTexts,
        ["rust"] = Shape.TextOrTexts,
        ["scala"] = Shape.TextOrTexts,
        ["r"] = Shape.TextOrTexts,
        ["git"] = Shape.Keys(new() { ["clone"] = Shape.Flag, ["depth"] = Shape.Text, ["quiet"] = Shape.Flag, ["submodules"] = Shape.Flag, ["submodules_depth"] = Shape.Count, ["lfs_skip_smudge"] = Shape.Flag, ["strategy"] = Shape.Word("clone", "tarball"), ["sparse_checkout"] = Shape.Text, ["autocrlf"] = Shape.Text, ["symlinks"] = Shape.Flag }, []),
    };

    private static readonly Shape JobsShape = Shape.Either(
        Shape.List(Item()), Shape.Keys(new() { ["include"] = Shape.Either(Shape.List(Item()), Item()), ["exclude"] = Shape.Any, ["allow_failures"] = Shape.Any, ["fast_finish"] = Shape.Flag }, []));

    private static readonly Shape Root = Shape.Keys(new(Job)
    {
        ["version"] = Shape.Text,
        ["import"] = Shape.Any,
        ["conditions"] = Shape.Text,
        ["filter_secrets"] = Shape.Flag,
        ["trace"] = Shape.Flag,
        ["stack"] = Shape.Text,
        ["vault"] = Shape.Any,
        ["keep_netrc"] = Shape.Flag,
        ["perforce_test_path"] = Shape.Text,
        ["env"] = Shape.Either(Shape.Text, Shape.List(Shape.Any), Shape.Keys(new() { ["global"] = EnvItems, ["jobs"] = EnvItems, ["matrix"] = EnvItems }, [], Secure)),
        ["stages"] = Shape.List(Shape.Either(Shape.Text, Shape.Keys(new() { ["name"] = Shape.Text, ["if"] = Shape.Text }, ["name"]))),
        ["jobs"] = JobsShape,
        ["matrix"] = JobsShape,
        ["notifications"] = Shape.Either(Shape.Flag, Shape.Keys(new()
        {
            ["email"] = Shape.Any,
            ["slack"] = Shape.Any,
            ["irc"] = Shape.Any,
            ["hipchat"] = Shape.Any,
            ["campfire"] = Shape.Any,
            ["flowdock"] = Shape.Any,
            ["pushover"] = Shape.Any,
            ["on_success"] = Frequency,
            ["on_failure"] = Frequency,
            ["webhooks"] = Shape.Either(Shape.Text, Shape.List(Shape.Either(Shape.Text, Webhook)), Webhook),
        }, [])),
    }, [], Shape.UnlessSlip);

    public static void Check(YamlNode root, FaultList faults)
    {
        Root.Check(root, "", faults);
        var stages = Shape.Find(root, "stages") is YamlSequence list ? list.Items.Select(i => i is YamlScalar s ? s.Text : (Shape.Find(i, "name") as YamlScalar)?.Text ?? "").ToHashSet(StringComparer.OrdinalIgnoreCase) : null;
        var jobs = Shape.Find(root, "jobs") ?? Shape.Find(root, "matrix");
        var include = jobs is YamlSequence ? jobs : Shape.Find(jobs, "include");
        if (include is YamlSequence jobList)
            for (var i = 0; i < jobList.Items.Count; i++) CheckJob(root, jobList.Items[i], $"jobs.include[{i}]", stages, faults);
        else if (include is null && Shape.Find(root, "script") is null && (Shape.Find(root, "language") as YamlScalar)?.Text is "generic" or "shell" or "bash" or "sh")
            faults.Add(root, "script", "Nothing says what to run: this language has no script of its own.", "Add script: with a list of commands.");
    }

    private static void CheckJob(YamlNode root, YamlNode job, string path, HashSet<string>? stages, FaultList faults)
    {
        // The first job of a stage names it; those that follow without one belong to it.
        if (Shape.Find(job, "stage") is YamlScalar { IsNull: false } stage && stages is not null && !stages.Contains(stage.Text))
            faults.Add(stage, $"{path}.stage", $"'{ObjectReader.Shorten(stage.Text)}' is not among the stages.", (faults.IsFull ? null : Suggestion.Nearest(stage.Text, stages)) is { } near ? $"Did you mean '{near}'?" : "Add it to stages:.");
        if (job is YamlMapping && Shape.Find(job, "script") is null && Shape.Find(root, "script") is null && Shape.Find(job, "deploy") is null && (Shape.Find(root, "language") as YamlScalar)?.Text is "generic" or "shell")
            faults.Add(job, $"{path}.script", "Nothing says what this job runs.", "Add script: with a list of commands.");
    }

    private static Shape Item() => Shape.Keys(new(Job) { ["name"] = Shape.Text, ["stage"] = Shape.Either(Shape.Text, Shape.Keys(new() { ["name"] = Shape.Text, ["if"] = Shape.Text }, ["name"])), ["env"] = Shape.Either(Shape.Text, Shape.List(Shape.Any), Shape.Map(Secure)) }, [], Shape.UnlessSlip);
}
