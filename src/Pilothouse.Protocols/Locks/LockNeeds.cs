using System.Globalization;
using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Locks;

/// <summary>What a file of the tree holds.</summary>
/// <param name="Digest">Of its content; of a Git LFS pointer that of the content it stands for.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct TreeContent(Digest Digest, long Size);

/// <summary>One entry of a lock that no longer fits.</summary>
/// <param name="Title"><c>model assistant</c>.</param>
/// <param name="Message">What does not fit, as the rest of a sentence about it.</param>
public sealed record StaleEntry(string Title, string Message)
{
    public override string ToString() => $"{Title} {Message}";
}

/// <summary>What pilothouse.yaml needs a lock to say, as far as that can be told without asking a server.</summary>
public static class LockNeeds
{
    /// <summary>Files of the tree whose content the lock pins: prompts, data and tools.</summary>
    public static IReadOnlyList<string> Paths(ProjectFile project) =>
    [
        .. project.Models.Values.Select(m => m.Prompt).Concat(project.Data.Values.Select(d => d.Path)).Concat(project.Tools.Values.Select(t => t.Path))
            .OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
    ];

    /// <summary>Registered prompts as pilothouse.yaml names them: <c>prompts:/support/3</c>, <c>prompts:/support@production</c>.</summary>
    public static IReadOnlyList<string> RegisteredPrompts(ProjectFile project) => [.. project.Models.Values.Select(m => m.RegisteredPrompt).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>True when the entry says which version of that registered prompt is meant.</summary>
    public static bool IsPinOf(LockEntry? pinned, string prompt) => pinned is not null && pinned.Name == prompt && !LockRules.Check(pinned).Any();

    /// <summary>The entries that follow from pilothouse.yaml and the tree alone: prompts, suites, tools, data of the tree. Files that are missing have none.</summary>
    public static IReadOnlyList<LockEntry> Local(ProjectFile project, IReadOnlyDictionary<string, TreeContent> tree)
    {
        var entries = new List<LockEntry>();
        foreach (var path in project.Models.Values.Select(m => m.Prompt).OfType<string>().Distinct(StringComparer.Ordinal))
            if (tree.TryGetValue(path, out var prompt)) entries.Add(new LockEntry(LockKind.Prompt, path) { Digest = prompt.Digest, Size = prompt.Size });
        foreach (var (name, tool) in project.Tools)
            if (tree.TryGetValue(tool.Path, out var content)) entries.Add(new LockEntry(LockKind.Tool, name) { Path = tool.Path, Digest = content.Digest, Size = content.Size });
        foreach (var (name, data) in project.Data)
            if (data.Path is { } path && tree.TryGetValue(path, out var content)) entries.Add(new LockEntry(LockKind.Data, name) { Path = path, Digest = content.Digest, Size = content.Size });
        foreach (var (name, suite) in project.Suites) entries.Add(new LockEntry(LockKind.Suite, name) { Digest = Definition(suite) });
        return entries;
    }

    /// <summary>Every reason why a lock is not the one of this project file and tree; empty = it fits. Asks no server.</summary>
    /// <param name="tree">Content of <see cref="Paths"/>. A path that pilothouse itself tracks may be absent: the lock then speaks for it.</param>
    public static IReadOnlyList<StaleEntry> Check(ProjectFile project, LockFile lockFile, IReadOnlyDictionary<string, TreeContent> tree)
    {
        var stale = new List<StaleEntry>();
        foreach (var wanted in Local(project, tree))
        {
            if (lockFile.Find(wanted.Kind, wanted.Name) is not { } pinned) stale.Add(new StaleEntry(wanted.Title, "is not in the lock"));
            else if (!wanted.Says(pinned)) stale.Add(new StaleEntry(wanted.Title, Difference(pinned, wanted)));
        }
        foreach (var path in Paths(project).Where(p => !tree.ContainsKey(p)))
        {
            if (lockFile.TrackerOf(path) is null) stale.Add(new StaleEntry(path, "is not there, and no file or folder of the lock holds it"));
        }
        foreach (var (name, model) in project.Models) CheckModel(name, model, lockFile.Find(LockKind.Model, name), stale);
        foreach (var prompt in RegisteredPrompts(project)) CheckPrompt(prompt, lockFile.Find(LockKind.Prompt, prompt), stale);
        foreach (var (name, data) in project.Data) CheckData(name, data, lockFile, tree, stale);
        foreach (var entry in lockFile.Entries.Where(e => !IsDeclared(project, e))) stale.Add(new StaleEntry(entry.Title, "is in the lock, but no longer in pilothouse.yaml"));
        return stale;
    }

    /// <summary>The project file with every model, and every registered prompt, that follows an alias at the version that the lock says.</summary>
    /// <returns>The names of models that follow an alias themselves or with their prompt, and are not in the lock, beside the project.</returns>
    public static (ProjectFile Project, IReadOnlyList<string> Unpinned) Pin(ProjectFile project, LockFile? lockFile)
    {
        if (!FollowsAlias(project) && lockFile is null) return (project, []);
        var models = new OrderedDictionary<string, ModelEntry>();
        var unpinned = new List<string>();
        foreach (var (name, model) in project.Models)
        {
            var pinned = model.Alias is null ? null : VersionOf(lockFile?.Find(LockKind.Model, name), model);
            var prompt = model.RegisteredPrompt is { } registered && lockFile?.Find(LockKind.Prompt, registered) is { } entry && IsPinOf(entry, registered) ? entry : null;
            if (model.Alias is not null && pinned is null || prompt is null && FollowsAlias(model.RegisteredPrompt)) unpinned.Add(name);
            var fixedModel = pinned is null ? model : model with { Version = pinned, Digest = lockFile!.Find(LockKind.Model, name)!.Digest.ToString() };
            models[name] = prompt is null ? fixedModel : fixedModel with { RegisteredPrompt = prompt.Reference, PromptDigest = prompt.Digest.ToString() };
        }
        return (project with { Models = models }, unpinned);
    }

    /// <summary>True when the project cannot be read without a lock.</summary>
    public static bool FollowsAlias(ProjectFile project) => project.Models.Values.Any(m => m.Alias is not null || FollowsAlias(m.RegisteredPrompt));

    private static bool FollowsAlias(string? prompt) => RegistryReference.TryParse(prompt, RegistryReference.Prompts, out var reference) && reference.Version is null;

    /// <summary>Digest of what a suite asks and demands; where it stands in the file does not count.</summary>
    public static Digest Definition(SuiteEntry suite)
    {
        var text = new StringBuilder();
        Add("model", suite.Model);
        Add("data", suite.Data);
        Add("input", suite.Input);
        Add("expected", suite.Expected);
        Add("cluster", suite.Cluster);
        foreach (var one in suite.Cases) Add("case", one.Json);
        if (suite.Pack is not null) Add("pack", suite.Pack, Digest.Of(RedTeamPacks.Rows(suite.Pack)).ToString());
        if (suite.Promptfoo is not null) Add("promptfoo", suite.Promptfoo);
        if (suite.Messages is not null) Add("messages", suite.Messages);
        if (suite.Repeats != 1) Add("repeats", Number(suite.Repeats));
        if (suite.Target is not null) Add("target", suite.Target.Definition());
        if (suite.Tools is not null) Add("tools", suite.Tools);
        foreach (var look in suite.Looks) Add("look", Number(look));
        foreach (var one in suite.Quarantine) Add("quarantine", one.Case, one.Until.ToString("O", CultureInfo.InvariantCulture), one.Owner);
        foreach (var scorer in suite.Scorers)
        {
            Add("scorer", scorer.Name, scorer.Type.ToString(), scorer.Pattern);
            if (scorer != new ScorerEntry { Name = scorer.Name, Type = scorer.Type, Pattern = scorer.Pattern }) Add("settings", scorer.Definition());
        }
        foreach (var gate in suite.Gates) Add("gate", gate.Scorer, gate.Type.ToString(), Number(gate.Margin), Number(gate.Min), Number(gate.Confidence));
        foreach (var gate in suite.Gates.Where(g => g.Role != GateRole.Primary)) Add("role", gate.Scorer, gate.Type.ToString(), gate.Role.ToString());
        if (suite.Baseline is not null) Add("baseline", suite.Baseline.ToString());
        return Digest.Of(Encoding.UTF8.GetBytes(text.ToString()));

        // Lengths keep apart what a separator inside of a value would join.
        void Add(string key, params string?[] values) => text.Append(key).AppendJoin("", values.Select(v => v is null ? " -" : string.Create(CultureInfo.InvariantCulture, $" {v.Length}:{v}"))).Append('\n');

        static string? Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture);
    }

    private static void CheckModel(string name, ModelEntry model, LockEntry? pinned, List<StaleEntry> stale)
    {
        void Stale(string message) => stale.Add(new StaleEntry($"model {name}", message));
        if (pinned is null) Stale("is not in the lock");
        else if (model.Engine == ModelEngine.OpenAi)
        {
            var address = $"{model.Url}#{model.UpstreamModel ?? name}";
            if (pinned.Reference != address) Stale($"is {address} in pilothouse.yaml, {pinned.Reference} in the lock");
        }
        else if (VersionOf(pinned, model) is not { } version) Stale($"is '{model.RegisteredName}' in pilothouse.yaml, {pinned.Reference} in the lock");
        else if (model.Version is { } wanted && wanted != version) Stale($"is version {wanted} in pilothouse.yaml, version {version} in the lock");
        else if (model.Digest is { } digest && digest != pinned.Digest.ToString()) Stale($"has the digest {digest} in pilothouse.yaml, {pinned.Digest} in the lock");
        else if (pinned.Follows != (model.Alias is null ? null : "@" + model.Alias)) Stale(model.Alias is null ? $"follows {pinned.Follows} in the lock, but not in pilothouse.yaml" : $"follows @{model.Alias} in pilothouse.yaml, {pinned.Follows ?? "nothing"} in the lock");
        else if (pinned.Checkout != model.Checkout) Stale(Moved(model.Checkout, pinned.Checkout));
    }

    private static void CheckPrompt(string prompt, LockEntry? pinned, List<StaleEntry> stale)
    {
        if (pinned is null) stale.Add(new StaleEntry($"prompt {prompt}", "is not in the lock"));
        else if (!IsPinOf(pinned, prompt)) stale.Add(new StaleEntry($"prompt {prompt}", $"is {pinned.Reference ?? "a file"} in the lock"));
    }

    private static void CheckData(string name, DataEntry data, LockFile lockFile, IReadOnlyDictionary<string, TreeContent> tree, List<StaleEntry> stale)
    {
        var pinned = lockFile.Find(LockKind.Data, name);
        void Stale(string message) => stale.Add(new StaleEntry($"data {name}", message));
        if (data.Path is { } path)
        {
            if (tree.ContainsKey(path)) return; // looked at already
            if (pinned is null) Stale("is not in the lock");
            else if (pinned.Path != path) Stale($"is {path} in pilothouse.yaml, {pinned.Path ?? pinned.Reference} in the lock");
            else if (lockFile.Find(LockKind.File, path) is { } file && file.Digest != pinned.Digest) Stale($"is {pinned.Digest} in the lock, but the tracked file {path} is {file.Digest}");
        }
        else if (pinned is null) Stale("is not in the lock");
        else if (pinned.Reference != data.Reference) Stale($"is {data.Reference} in pilothouse.yaml, {pinned.Reference ?? pinned.Path} in the lock");
        else if (pinned.Checkout != data.Checkout) Stale(Moved(data.Checkout, pinned.Checkout));
    }

    private static int? VersionOf(LockEntry? pinned, ModelEntry model) =>
        RegistryReference.TryParse(pinned?.Reference, RegistryReference.Models, out var reference) && reference.Name == model.RegisteredName ? reference.Version : null;

    private static bool IsDeclared(ProjectFile project, LockEntry e) => e.Kind switch
    {
        LockKind.Data => project.Data.ContainsKey(e.Name),
        LockKind.Model => project.Models.ContainsKey(e.Name),
        LockKind.Prompt => project.Models.Values.Any(m => m.Prompt == e.Name || m.RegisteredPrompt == e.Name),
        LockKind.Suite => project.Suites.ContainsKey(e.Name),
        LockKind.Tool => project.Tools.ContainsKey(e.Name),
        _ => true,
    };

    private static string Difference(LockEntry pinned, LockEntry wanted) =>
        pinned.Path != wanted.Path ? $"is {wanted.Path ?? wanted.Reference} in pilothouse.yaml, {pinned.Path ?? pinned.Reference} in the lock"
        : pinned.Kind == LockKind.Suite ? "was changed in pilothouse.yaml since the lock was written"
        : $"has changed since the lock was written: {pinned.Digest} became {wanted.Digest}";

    private static string Moved(string? wanted, string? pinned) => $"is checked out to {wanted ?? "nowhere"} in pilothouse.yaml, to {pinned ?? "nowhere"} in the lock";
}
