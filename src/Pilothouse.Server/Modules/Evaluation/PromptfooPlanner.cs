using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.ChatTemplates;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Makes suites of a promptfoo configuration: one for each provider and prompt, whose gate is promptfoo's own rule that every test passes.</summary>
internal sealed class PromptfooPlanner(IRepositories repositories, Judges judges, RunInference inference, PromptfooCalls calls)
{
    public const string Pass = "pass", Mean = "score";

    private const int MaxConfigBytes = 16 * 1024 * 1024;

    /// <summary>Files that one configuration may name.</summary>
    private const int MaxFiles = 1_000;

    /// <summary>One suite for each provider and prompt.</summary>
    /// <param name="name">Name of the suite of pilothouse.yaml that names the configuration; null = it is run by itself.</param>
    /// <param name="baseline">What it is compared with; null = nothing.</param>
    /// <exception cref="PilothouseException">NotFound, or InvalidArgument with every fault and its line.</exception>
    public async Task<IReadOnlyList<SuitePlan>> SuitesAsync(string project, string commit, string path, string? name, PromptfooBaseline? baseline, CancellationToken ct)
    {
        var side = await SideAsync(project, commit, path, ct);
        var (before, fault) = await BeforeAsync(project, baseline, ct);
        var suites = new List<SuitePlan>();
        foreach (var (provider, subject) in side.Providers)
        {
            for (var p = 0; p < side.Config.Prompts.Count; p++)
            {
                var own = side.Config.Prompts.Count == 1 ? Slug(provider.Label) : $"{Slug(provider.Label)}-p{p + 1}";
                var suite = Suite(path, side, provider, subject, side.Config.Prompts[p], name is null ? own : side.Config is { Prompts.Count: 1, Providers.Count: 1 } ? name : $"{name}.{own}");
                suites.Add(before is not null ? PromptfooComparison.With(suite, side, provider, side.Config.Prompts[p], before) : fault is null ? suite : suite with { Notes = [.. suite.Notes, fault] });
            }
        }
        return suites;
    }

    /// <summary>The configuration at the base line. One that cannot be run there takes nothing from promptfoo's own rule: it is said, and nothing is compared.</summary>
    private async Task<(PromptfooSide? Side, string? Fault)> BeforeAsync(string project, PromptfooBaseline? baseline, CancellationToken ct)
    {
        if (baseline is null) return (null, null);
        var at = $"the base line {ProjectContent.Short(baseline.Commit)}";
        if (baseline.Path is null) return (null, $"Nothing is compared: {at} has no such promptfoo configuration.");
        try
        {
            return (await SideAsync(project, baseline.Commit, baseline.Path, ct), null);
        }
        catch (PilothouseException e)
        {
            return (null, $"Nothing is compared: the configuration cannot be run as it was at {at} ({e.Message})");
        }
    }

    private async Task<PromptfooSide> SideAsync(string project, string commit, string path, CancellationToken ct)
    {
        var bytes = await repositories.ReadFileAsync(project, commit, path, MaxConfigBytes, ct)
            ?? throw new PilothouseException(ErrorCode.NotFound, $"{path} is not in commit {ProjectContent.Short(commit)} of {project}. Add the file and commit it, or correct the path.");
        var config = await ReadAsync(project, commit, path, bytes, ct);
        var providers = new List<(PromptfooProvider, ModelSubject)>();
        foreach (var provider in config.Providers) providers.Add((provider, await calls.SubjectAsync(project, commit, path, provider, ct)));
        return new PromptfooSide(commit, path, config, PromptfooComparison.Digest(config.Tests), providers);
    }

    /// <summary>Files that it names are read as they are asked for: first with none, then with those that were missed.</summary>
    private async Task<PromptfooConfig> ReadAsync(string project, string commit, string path, byte[] bytes, CancellationToken ct)
    {
        var directory = path.Contains('/', StringComparison.Ordinal) ? path[..(path.LastIndexOf('/') + 1)] : "";
        var files = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        while (true)
        {
            var missed = new List<string>();
            var result = PromptfooReader.Parse(Encoding.UTF8.GetString(bytes), name =>
            {
                if (files.TryGetValue(name, out var known)) return known;
                missed.Add(name);
                return "";
            });
            if (missed.Count == 0) return result.Config ?? throw new PilothouseException(ErrorCode.InvalidArgument, string.Join('\n', result.Faults.Select(f => $"{path}:{f}")));
            if (files.Count + missed.Count > MaxFiles) throw new PilothouseException(ErrorCode.TooLarge, $"{path} names more than {MaxFiles} files.");
            foreach (var name in missed.Distinct()) files[name] = await repositories.ReadFileAsync(project, commit, directory + name, MaxConfigBytes, ct) is { } content ? Encoding.UTF8.GetString(content) : null;
        }
    }

    private SuitePlan Suite(string path, PromptfooSide side, PromptfooProvider provider, ModelSubject subject, PromptfooPrompt prompt, string name)
    {
        var (config, digest) = (side.Config, side.TestsDigest);
        var source = new ProjectSource(prompt.Line, 1, "prompts");
        var entry = new SuiteEntry
        {
            Source = source,
            Model = provider.Label,
            Data = "",
            Input = "input",
            Expected = "expected",
            Tools = provider.Tools,
            Repeats = config.Repeat,
            Scorers = [new() { Name = Pass, Type = ScorerType.Assertions }, new() { Name = Mean, Type = ScorerType.Assertions }],
            Gates = [new() { Source = source, Scorer = Pass, Type = GateType.Every, Confidence = 0.95 }],
        };
        var cases = config.Tests.Select(t => Case(path, t, provider, prompt)).ToList();
        var scorer = new PromptfooScorer(config.Tests.ToDictionary(t => t.Id, StringComparer.Ordinal), judges, inference);
        IReadOnlyList<string> notes = [$"From {path}: prompt '{prompt.Label}', provider {provider.Id}.", .. config.Notes.Select(n => $"{path}, {n}.")];
        return new SuitePlan(name, entry, new DataSubject(path, digest, []), cases, Prompted(subject, prompt), null, null, notes)
        {
            Scorers = [new SuiteScorer(entry.Scorers[0], scorer, digest), new SuiteScorer(entry.Scorers[1], scorer.Means, digest)],
        };
    }

    /// <summary>The provider with the prompt's digest: a changed prompt is another candidate, not another test.</summary>
    public static ModelSubject Prompted(ModelSubject subject, PromptfooPrompt prompt) => subject with { PromptDigest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(prompt.Text))) };

    /// <summary>A provider of the kind <c>echo</c> or <c>openai</c>.</summary>
    public static ModelSubject Subject(PromptfooProvider provider)
    {
        var entry = new ModelEntry
        {
            Source = new ProjectSource(provider.Line, 1, "providers"),
            Kind = ModelKind.Generative,
            Engine = ModelEngine.OpenAi,
            RegisteredName = provider.Model,
            Parameters = provider.Parameters,
            Url = provider.Url,
            UpstreamModel = provider.Model,
            ApiKeyEnv = provider.KeyVariable,
        };
        var target = new InferenceTarget(provider.Model, provider.Kind == "echo" ? RunInference.Echo : "openai", provider.Url) { KeyVariable = provider.KeyVariable };
        return new ModelSubject(provider.Kind == "echo" ? "echo" : $"{provider.Url}#{provider.Model}", null, entry, target, null, null, provider.Parameters);
    }

    public static EvaluationInput Case(string path, PromptfooTest test, PromptfooProvider provider, PromptfooPrompt prompt)
    {
        try
        {
            var text = Render(test.Prefix + prompt.Text + test.Suffix, Resolved(test.Vars));
            return new EvaluationInput(test.Id, text, null, null, test.Vars.ToDictionary(v => v.Key, v => v.Value.ValueKind == JsonValueKind.String ? v.Value.GetString()! : v.Value.GetRawText(), StringComparer.Ordinal)) { History = Messages(text, provider), IsWhole = true };
        }
        catch (ProtocolFormatException e)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"{path}:{prompt.Line}: prompt '{prompt.Label}' with the test on line {test.Line}: {e.Message}");
        }
    }

    public static string Render(string template, IReadOnlyDictionary<string, JsonElement> vars) =>
        template.Contains("{{", StringComparison.Ordinal) || template.Contains("{%", StringComparison.Ordinal) || template.Contains("{#", StringComparison.Ordinal) ? TextTemplate.Parse(template).Render(vars) : template;

    /// <summary>A variable may use others: once, so that no text can go round in circles.</summary>
    public static IReadOnlyDictionary<string, JsonElement> Resolved(IReadOnlyDictionary<string, JsonElement> vars) =>
        vars.ToDictionary(v => v.Key, v => v.Value.ValueKind == JsonValueKind.String ? JsonSerializer.SerializeToElement(Render(v.Value.GetString()!, vars)) : v.Value, StringComparer.Ordinal);

    /// <summary>A prompt that is a JSON list of messages is a conversation; to the others it is a text like any other.</summary>
    private static List<ChatTurn> Messages(string text, PromptfooProvider provider)
    {
        if (provider.Kind != "openai" || !text.TrimStart().StartsWith('[') || AssertionScorers.Parse(text) is not { ValueKind: JsonValueKind.Array } list) return [new ChatTurn("user", text)];
        var turns = new List<ChatTurn>();
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.Object || !one.TryGetProperty("role", out var role) || role.ValueKind != JsonValueKind.String || !one.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.String) return [new ChatTurn("user", text)];
            turns.Add(new ChatTurn(role.GetString()!, content.GetString()!));
        }
        return turns.Count == 0 ? [new ChatTurn("user", text)] : turns;
    }

    private static string Slug(string label)
    {
        var slug = new string([.. label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '-')]).Trim('-', '.', '_');
        return slug.Length == 0 ? "provider" : slug[..Math.Min(60, slug.Length)];
    }
}

/// <summary>Where a configuration is compared with.</summary>
/// <param name="Path">Null = there is none at the commit.</param>
internal sealed record PromptfooBaseline(string Commit, string? Path);

/// <summary>A configuration at one commit, with what its providers are.</summary>
/// <param name="TestsDigest">Of the tests alone: prompts and providers are what is tested.</param>
internal sealed record PromptfooSide(string Commit, string Path, PromptfooConfig Config, string TestsDigest, IReadOnlyList<(PromptfooProvider Provider, ModelSubject Subject)> Providers);
