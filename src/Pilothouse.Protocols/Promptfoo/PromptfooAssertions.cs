using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>Assertions of a promptfoo configuration. One that cannot be run keeps its place and says why: its test then has no score.</summary>
internal sealed class PromptfooAssertions(FaultList faults, PromptfooProviders providers)
{
    private static readonly string[] Types =
    [
        "equals", "contains", "icontains", "contains-all", "contains-any", "icontains-all", "icontains-any", "starts-with", "regex", "is-json", "contains-json", "levenshtein", "word-count", "rouge-n", "bleu",
        "latency", "cost", "similar", "similar:cosine", "llm-rubric", "is-refusal", "is-valid-openai-tools-call", "finish-reason", "assert-set",
    ];

    /// <summary>Every type that promptfoo knows, so that what stands before a colon in a CSV file is a type only when it is one.</summary>
    public static readonly string[] All =
    [
        .. Types, "agent-rubric", "answer-relevance", "classifier", "contains-html", "contains-sql", "contains-xml", "context-faithfulness", "context-recall", "context-relevance", "conversation-relevance", "factuality", "g-eval", "gleu",
        "guardrails", "is-html", "is-sql", "is-valid-function-call", "is-valid-openai-function-call", "is-xml", "javascript", "meteor", "model-graded-closedqa", "model-graded-factuality", "moderation", "perplexity", "perplexity-score", "pi",
        "python", "ruby", "search-rubric", "similar:dot", "similar:euclidean", "skill-used", "tool-call-f1", "trace-error-spans", "trace-span-count", "trace-span-duration", "webhook",
    ];

    private static readonly string[] Keys = ["type", "value", "threshold", "weight", "metric", "provider", "assert"];

    private static readonly string[] Valued = ["equals", "contains", "icontains", "contains-all", "contains-any", "icontains-all", "icontains-any", "starts-with", "regex", "levenshtein", "word-count", "rouge-n", "bleu", "similar", "similar:cosine", "llm-rubric", "finish-reason"];

    private PromptfooProvider? _grader, _embedder;

    /// <summary>Who grades and embeds when an assertion does not say: <c>defaultTest.options.provider</c>.</summary>
    public void Defaults(YamlNode? defaultTest)
    {
        foreach (var entry in (defaultTest as YamlMapping)?.Entries ?? [])
            if (entry.Key.Text is not ("description" or "vars" or "assert" or "threshold" or "metadata" or "options")) faults.Add(entry.Key, $"defaultTest.{entry.Key.Text}", $"'{ObjectReader.Shorten(entry.Key.Text)}' is not run here.", "Remove it, or run this configuration with promptfoo itself.");
        var options = PromptfooReader.Get(defaultTest, "options");
        CheckOptions(options);
        if (PromptfooReader.Get(options, "provider") is not { } provider) return;
        if (PromptfooReader.Get(provider, "embedding") is { } embedding) _embedder = providers.One(embedding, "defaultTest.options.provider.embedding");
        if (PromptfooReader.Get(provider, "text") is { } text) _grader = providers.One(text, "defaultTest.options.provider.text");
        if (PromptfooReader.Get(provider, "embedding") is null && PromptfooReader.Get(provider, "text") is null) _grader = providers.One(provider, "defaultTest.options.provider");
    }

    public void CheckOptions(YamlNode? options)
    {
        foreach (var entry in (options as YamlMapping)?.Entries ?? [])
            if (entry.Key.Text is not ("provider" or "prefix" or "suffix")) faults.Add(entry.Key, $"options.{ObjectReader.Shorten(entry.Key.Text)}", $"'{ObjectReader.Shorten(entry.Key.Text)}' changes what is tested and is not run here.", "Remove it, or run this configuration with promptfoo itself.");
    }

    public List<PromptfooAssertion> Read(YamlNode? node) => node is YamlSequence list ? [.. list.Items.Select(One)] : [];

    private PromptfooAssertion One(YamlNode node)
    {
        var written = PromptfooReader.Text(PromptfooReader.Get(node, "type")) ?? "";
        var inverse = written.StartsWith("not-", StringComparison.Ordinal);
        var type = inverse ? written[4..] : written;
        var value = PromptfooReader.Get(node, "value") is { } given ? YamlJson.ToElement(given) : (JsonElement?)null;
        string? fault = null;
        if (!Types.Contains(type))
            fault = $"the assertion '{ObjectReader.Shorten(written)}' is not run here; {(Suggestion.Nearest(type, Types) is { } near ? $"did you mean '{near}'?" : "use a scorer of type process or judge in a suite of pilothouse.yaml")}";
        else if (Valued.Contains(type) && value is null or { ValueKind: JsonValueKind.Null }) fault = $"the assertion '{written}' needs a value";
        else if (type is "latency" or "cost" && PromptfooReader.Number(PromptfooReader.Get(node, "threshold")) is null) fault = $"the assertion '{written}' needs a threshold";
        else if (value is { ValueKind: JsonValueKind.String } text && text.GetString()!.StartsWith("file://", StringComparison.Ordinal)) fault = $"the assertion '{written}' takes its value from a file or program, which is not run here";
        else if (value is { } whole && PromptfooProviders.Secret().IsMatch(whole.GetRawText())) fault = $"the assertion '{written}' names a variable of the environment, which assertions are not given";
        else if ((node as YamlMapping)?.Entries.FirstOrDefault(e => !Keys.Contains(e.Key.Text)) is { } odd) fault = $"'{ObjectReader.Shorten(odd.Key.Text)}' of the assertion '{written}' is not known here";
        var provider = PromptfooReader.Get(node, "provider") is { } own ? providers.One(own, "assert.provider") : type.StartsWith("similar", StringComparison.Ordinal) ? _embedder : type == "llm-rubric" ? _grader : null;
        if (provider is { Kind: "http" or "exec" }) fault ??= $"the provider '{ObjectReader.Shorten(provider.Id)}' neither grades nor embeds here";
        return new PromptfooAssertion(node.Line, type, inverse, value, PromptfooReader.Number(PromptfooReader.Get(node, "threshold")), PromptfooReader.Number(PromptfooReader.Get(node, "weight")) ?? 1,
            PromptfooReader.Text(PromptfooReader.Get(node, "metric")), type == "assert-set" ? Read(PromptfooReader.Get(node, "assert")) : [], provider, fault is null ? null : $"line {node.Line}: {fault}");
    }
}
