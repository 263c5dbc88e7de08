using System.Text.Json;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>A promptfoo configuration, as far as it is run here.</summary>
/// <param name="Repeat">How often each test is asked (<c>evaluateOptions.repeat</c>).</param>
/// <param name="Notes">What was left out without changing any result, each with its line.</param>
public sealed record PromptfooConfig(string? Description, IReadOnlyList<PromptfooPrompt> Prompts, IReadOnlyList<PromptfooProvider> Providers, IReadOnlyList<PromptfooTest> Tests, int Repeat, IReadOnlyList<string> Notes);

/// <param name="Text">Nunjucks template; a JSON list of messages for chat.</param>
public sealed record PromptfooPrompt(int Line, string Label, string Text);

/// <param name="Kind"><c>echo</c> (answers the prompt itself), <c>openai</c>, <c>http</c> or <c>exec</c>.</param>
/// <param name="Url">Base address of the OpenAI-compatible server; address of the HTTP provider.</param>
/// <param name="KeyVariable">Environment variable of the server that has the key.</param>
/// <param name="Parameters">temperature, max_tokens, seed.</param>
/// <param name="Tools">JSON list of tool definitions, or null.</param>
public sealed record PromptfooProvider(int Line, string Id, string Label, string Kind, string Model, string? Url, string? KeyVariable, IReadOnlyDictionary<string, JsonElement> Parameters, string? Tools)
{
    /// <summary>Of the kind <c>http</c>.</summary>
    public PromptfooHttp? Http { get; init; }

    /// <summary>Of the kind <c>exec</c>: the program and its first arguments.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Parts of the command that can be files of the repository, relative to the configuration.</summary>
    public IReadOnlyList<string> Files => [.. Command.Select(p => p.StartsWith("./", StringComparison.Ordinal) ? p[2..] : p).Where(ProjectFiles.PathRule.IsValid)];
}

/// <summary>One test with one value of each variable; a list of values was multiplied out.</summary>
/// <param name="Id">Stable: the description, or a digest of what is tested.</param>
/// <param name="Threshold">Least weighted mean of the assertions; null = each must pass.</param>
public sealed record PromptfooTest(int Line, string Id, IReadOnlyDictionary<string, JsonElement> Vars, IReadOnlyList<PromptfooAssertion> Assertions, double? Threshold)
{
    /// <summary>Stands before the prompt.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Stands behind the prompt.</summary>
    public string Suffix { get; init; } = "";
}

/// <param name="Type">Without <c>not-</c>.</param>
/// <param name="Value">As written; texts are templates.</param>
/// <param name="Parts">Of an <c>assert-set</c>.</param>
/// <param name="Provider">Who grades or embeds; null = the default of the file.</param>
/// <param name="Fault">Why it cannot be run here; then the test has no score.</param>
public sealed record PromptfooAssertion(int Line, string Type, bool IsInverse, JsonElement? Value, double? Threshold, double Weight, string? Metric, IReadOnlyList<PromptfooAssertion> Parts, PromptfooProvider? Provider, string? Fault);

/// <param name="Config">Null when there is any fault.</param>
public sealed record PromptfooResult(PromptfooConfig? Config, IReadOnlyList<ProjectFiles.ProjectFault> Faults);
