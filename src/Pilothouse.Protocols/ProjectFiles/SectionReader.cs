using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Readers of models, data, monitors, alerts and environments.</summary>
internal sealed class SectionReader(ReadContext context)
{
    public ModelEntry? Model(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "model", context) is not { } o)
            return null;
        var (prompt, registered) = Prompt(o);
        var entry = new ModelEntry
        {
            Source = o.Source,
            Kind = o.Choice("kind", "generative", ("generative", ModelKind.Generative), ("classifier", ModelKind.Classifier)),
            Engine = o.Choice("engine", "onnx", ("onnx", ModelEngine.Onnx), ("openai", ModelEngine.OpenAi)),
            RegisteredName = Name(o, "name") ?? name,
            Version = o.Integer("version", required: false, 1, int.MaxValue, "1"),
            Digest = Digest(o),
            Alias = Alias(o),
            Checkout = Relative(o, "checkout", $"models/{name}"),
            Prompt = prompt,
            RegisteredPrompt = registered,
            Parameters = o.JsonMap("parameters"),
            Threshold = o.Fraction("threshold", required: false, open: true, "0.5") ?? 0.5,
            Price = Price(o),
            Url = WebAddress(o, "url", required: false),
            UpstreamModel = o.Text("model", required: false, "llama-3.1-8b"),
            ApiKeyEnv = o.Text("api_key_env", required: false, "UPSTREAM_API_KEY"),
            RequestsPerMinute = o.Integer("requests_per_minute", required: false, 1, int.MaxValue, "60"),
            TokensPerMinute = o.Integer("tokens_per_minute", required: false, 1, int.MaxValue, "90000"),
            CacheFor = o.Interval("cache", required: false, "1d"),
        };
        o.Finish();

        if (o.Has("engine") && entry.Engine == ModelEngine.Onnx)
        {
            if (!o.Has("version") && !o.Has("digest") && !o.Has("alias"))
                o.Fault("version", "An onnx model needs a version or a digest.", "Add version: 1, the number of the registered model version.");
            if (o.Has("alias") && (o.Has("version") || o.Has("digest")))
                o.Fault("alias", "A model follows an alias or stays at a version, not both.", "Remove one of them.");
            Only(o, "url", "engine: openai");
            Only(o, "model", "engine: openai");
            Only(o, "api_key_env", "engine: openai");
            Only(o, "requests_per_minute", "engine: openai");
            Only(o, "tokens_per_minute", "engine: openai");
            Only(o, "cache", "engine: openai");
        }

        if (entry.Engine == ModelEngine.OpenAi)
        {
            if (!o.Has("url"))
                o.Fault("url", "An openai model needs the address of its server.", "Add url: http://127.0.0.1:8080/v1.");
            if (!o.Has("model"))
                o.Fault("model", "An openai model needs the name that its server knows it by.", "Add model: NAME.");
        }

        if (o.Has("engine") && entry.Engine == ModelEngine.OpenAi)
        {
            Only(o, "alias", "engine: onnx");
            Only(o, "checkout", "engine: onnx");
        }

        if (o.Has("kind") && entry.Kind == ModelKind.Generative)
            Only(o, "threshold", "kind: classifier");
        if (entry.Kind == ModelKind.Classifier)
            Only(o, "prompt", "kind: generative");
        return entry;
    }

    private TokenPrice? Price(ObjectReader model)
    {
        if (model.Node("price", required: false, "{ input: 0.5, output: 1.5 }") is not { } node || ObjectReader.Open(node, model.At("price"), "price", context) is not { } o)
            return null;
        var price = new TokenPrice(o.Number("input", required: true, "0.5") ?? 0, o.Number("output", required: true, "1.5") ?? 0);
        o.Finish();
        if (price.Input < 0 || price.Output < 0) model.Fault("price", "A price cannot be negative.", "Write what a million tokens cost.");
        return price;
    }

    public DataEntry? Data(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "dataset", context) is not { } o)
            return null;
        var entry = new DataEntry
        {
            Source = o.Source,
            Path = Relative(o, "path", $"data/{name}.jsonl"),
            Dataset = Name(o, "dataset"),
            Version = o.Integer("version", required: false, 1, int.MaxValue, "1"),
            Split = Name(o, "split"),
            Checkout = Relative(o, "checkout", $"data/{name}.jsonl"),
        };
        o.Finish();
        if (o.Has("path"))
        {
            Only(o, "checkout", "dataset: NAME");
            Only(o, "split", "dataset: NAME");
        }
        if (o.Has("path") == o.Has("dataset"))
            o.Fault("path", "Data comes either from a path or from a registered data set.", "Give path: data/FILE.jsonl, or dataset: NAME with version: N.");
        else if (o.Has("dataset") && !o.Has("version"))
            o.Fault("version", "A registered data set needs a version: results must be repeatable.", "Add version: 1.");
        else if (o.Has("path"))
            Only(o, "version", "dataset: NAME");
        return entry;
    }

    public MonitorEntry? Monitor(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "monitor", context) is not { } o)
            return null;
        var entry = new MonitorEntry
        {
            Source = o.Source,
            Model = o.Text("model", required: true, "assistant") ?? "",
            Metric = Name(o, "metric", required: true) ?? "",
            Reference = o.Fraction("reference", required: true, open: true, "0.95") ?? 0,
            Alpha = o.Fraction("alpha", required: false, open: true, "0.01") ?? 0.01,
            MinSamples = o.Integer("min_samples", required: false, 1, 1_000_000, "20") ?? 20,
            Limit = o.Number("limit", required: false, "500"),
        };
        o.Finish();
        if (entry.Metric is "latency_ms" or "confidence" && !o.Has("limit"))
            o.Fault("limit", $"The metric {entry.Metric} needs a limit that a response must keep.", entry.Metric == "latency_ms" ? "Add limit: 500 (milliseconds)." : "Add limit: -0.5 (mean log-probability).");
        return entry;
    }

    public List<AlertEntry> Alerts(ObjectReader root)
    {
        var alerts = new List<AlertEntry>();
        var items = root.Items("alerts", required: false, "[{ webhook: ..., monitors: [...] }]");
        for (var i = 0; i < items.Count; i++)
        {
            if (ObjectReader.Open(items[i], $"alerts[{i}]", "alert", context) is not { } o)
                continue;
            alerts.Add(new AlertEntry
            {
                Source = o.Source,
                Webhook = WebAddress(o, "webhook", required: true) ?? "",
                Monitors = o.Texts("monitors", required: true, "[my-monitor]"),
            });
            o.Finish();
        }

        return alerts;
    }

    public EnvironmentEntry? Environment(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "environment", context) is not { } o)
            return null;
        var target = o.Choice("target", "local", ("local", EnvironmentTarget.Local));
        var rollout = o.Node("rollout", required: false, "{ steps: [10, 50, 100], interval: 1m }");
        var entry = new EnvironmentEntry
        {
            Source = o.Source,
            Target = target,
            Rollout = (rollout is null ? null : Rollout(rollout, o.At("rollout"))) ?? RolloutEntry.AtOnce,
            Require = Requirements(o),
        };
        o.Finish();
        return entry;
    }

    /// <summary>Without the key both machine checks are required; an empty list is the way to say that none is.</summary>
    private static List<RequiredEvidence> Requirements(ObjectReader o)
    {
        var items = o.Items("require", required: false, "[evaluation, fairness]");
        if (!o.Has("require"))
            return [RequiredEvidence.Evaluation, RequiredEvidence.Fairness];
        (string, RequiredEvidence)[] words = [("evaluation", RequiredEvidence.Evaluation), ("fairness", RequiredEvidence.Fairness), ("approval", RequiredEvidence.Approval)];
        return [.. items.Select((item, i) => o.ChoiceOf(item, item is YamlScalar scalar ? scalar.Text : item.Describe(), $"{o.At("require")}[{i}]", words)).Distinct()];
    }

    private RolloutEntry? Rollout(YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "rollout", context) is not { } o)
            return null;
        var entry = new RolloutEntry
        {
            Steps = Steps(o),
            Interval = o.Interval("interval", required: false, "1m") ?? TimeSpan.FromMinutes(1),
            MinRequests = o.Integer("min_requests", required: false, 0, 1_000_000_000, "30") ?? 0,
            Monitors = o.Texts("monitors", required: false, "[my-monitor]"),
        };
        o.Finish();
        return entry;
    }

    private List<int> Steps(ObjectReader o)
    {
        var items = o.Items("steps", required: true, "[10, 50, 100]");
        var steps = new List<int>();
        for (var i = 0; i < items.Count; i++)
        {
            var path = $"{o.At("steps")}[{i}]";
            if (o.IntegerOf(items[i], path, 1, 100) is not { } step)
                continue;
            if (steps.Count > 0 && step <= steps[^1])
                context.Faults.Add(items[i], path, $"{step} does not rise above the step before it, {steps[^1]}.", "Write the percentages in rising order.");
            else if (i == items.Count - 1 && step != 100)
                context.Faults.Add(items[i], path, $"The last step is {step}, so the rollout would never end.", "Make the last step 100.");
            steps.Add(step);
        }

        return steps;
    }

    private static void Only(ObjectReader o, string key, string where)
    {
        if (o.Has(key))
            o.Fault(key, $"'{key}' has no meaning without {where}.", $"Remove it, or set {where}.");
    }

    private static string? Name(ObjectReader o, string key, bool required = false)
    {
        var name = o.Text(key, required, "my-name");
        if (name is not null && !NameRule.IsValid(name))
            o.Fault(key, $"'{ObjectReader.Shorten(name)}' cannot be a name.", NameRule.Remedy);
        return name;
    }

    private static string? Relative(ObjectReader o, string key, string example)
    {
        var path = o.Text(key, required: false, example);
        if (path is not null && !PathRule.IsValid(path))
            o.Fault(key, $"'{ObjectReader.Shorten(path)}' is not a path inside the project.", PathRule.Remedy);
        return path;
    }

    // prompt: prompts/support.yaml
    // prompt: prompts:/support/3
    // prompt: prompts:/support@production
    private static (string? Path, string? Registered) Prompt(ObjectReader o)
    {
        var text = o.Text("prompt", required: false, "prompts/main.yaml");
        if (text?.StartsWith(Artifacts.RegistryReference.Prompts + ":/", StringComparison.Ordinal) != true)
        {
            if (text is not null && !PathRule.IsValid(text))
                o.Fault("prompt", $"'{ObjectReader.Shorten(text)}' is not a path inside the project.", PathRule.Remedy);
            return (text, null);
        }
        if (!Artifacts.RegistryReference.TryParse(text, Artifacts.RegistryReference.Prompts, out var reference) || reference.Version is null && reference.Alias is null)
            o.Fault("prompt", $"'{ObjectReader.Shorten(text)}' is not a version of a registered prompt: results must be repeatable.", "Write prompts:/NAME/VERSION, prompts:/NAME@ALIAS (pilothouse.lock then pins the version), or the path of a prompt file.");
        return (null, text);
    }

    private static string? WebAddress(ObjectReader o, string key, bool required)
    {
        var text = o.Text(key, required, "https://example.com/hook");
        if (text is not null && !(Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            o.Fault(key, $"'{ObjectReader.Shorten(text)}' is not a web address.", "Start it with http:// or https://.");
        return text;
    }

    private static string? Alias(ObjectReader o)
    {
        var alias = o.Text("alias", required: false, "champion");
        if (alias is not null && !Artifacts.RegistryReference.IsValidAlias(alias))
            o.Fault("alias", $"'{ObjectReader.Shorten(alias)}' cannot be an alias.", "Use letters, digits, '-', '_' and '.', and not a version number.");
        return alias;
    }

    private static string? Digest(ObjectReader o)
    {
        const string Example = "sha256:<64 hex digits>";
        var text = o.Text("digest", required: false, Example);
        if (text is not null && !Artifacts.Digest.TryParse(text, out _))
            o.Fault("digest", $"'{ObjectReader.Shorten(text)}' is not a digest.", $"Write {Example}, in lower case, as 'pilothouse' prints it.");
        return text;
    }
}
