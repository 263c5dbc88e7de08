using System.Text.Json;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>
/// A project as its <c>pilothouse.yaml</c> declares it: checked, with defaults filled in. Maps keep the order of the file.
/// The published form is <c>docs/schema/pilothouse.schema.json</c>.
/// </summary>
public sealed record ProjectFile
{
    /// <summary>The only value of <c>apiVersion</c> there is so far.</summary>
    public const string SupportedApiVersion = "pilothouse/v1";

    public required string ApiVersion { get; init; }

    /// <summary>Name of the project on the server.</summary>
    public required string Project { get; init; }

    public string? Description { get; init; }

    public required IReadOnlyDictionary<string, ModelEntry> Models { get; init; }

    public required IReadOnlyDictionary<string, DataEntry> Data { get; init; }

    public required IReadOnlyDictionary<string, SuiteEntry> Suites { get; init; }

    public required IReadOnlyDictionary<string, FairnessEntry> Fairness { get; init; }

    public required IReadOnlyDictionary<string, MonitorEntry> Monitors { get; init; }

    public required IReadOnlyList<AlertEntry> Alerts { get; init; }

    public required IReadOnlyDictionary<string, EnvironmentEntry> Environments { get; init; }

    /// <summary>Definitions of tools that models may call, as files of the repository; pinned by pilothouse.lock.</summary>
    public IReadOnlyDictionary<string, ToolEntry> Tools { get; init; } = new Dictionary<string, ToolEntry>();

    /// <summary>Jobs that run when something is pushed or registered, by name.</summary>
    public IReadOnlyDictionary<string, CiJobEntry> Ci { get; init; } = new Dictionary<string, CiJobEntry>();

    /// <summary>What counts as the same result when a run is repeated.</summary>
    public ReproduceEntry Reproduce { get; init; } = ReproduceEntry.Exact;
}

/// <summary>One file with tool definitions.</summary>
/// <param name="Path">Relative to the project file.</param>
public sealed record ToolEntry(ProjectSource Source, string Path);

/// <summary>How <c>pilothouse reproduce</c> compares metrics.</summary>
/// <param name="Tolerance">By metric; a name may end with <c>*</c>. A metric without is compared bit for bit.</param>
/// <param name="Ignore">Metrics that are not compared, such as speeds; a name may end with <c>*</c>.</param>
public sealed record ReproduceEntry(IReadOnlyDictionary<string, Tolerance> Tolerance, IReadOnlyList<string> Ignore)
{
    public static ReproduceEntry Exact { get; } = new(new Dictionary<string, Tolerance>(), []);
}

/// <summary>What a model does.</summary>
public enum ModelKind
{
    Generative,
    Classifier,
}

/// <summary>What runs a model.</summary>
public enum ModelEngine
{
    /// <summary>ONNX Runtime inside the server.</summary>
    Onnx,

    /// <summary>Any server that speaks the OpenAI API, at <see cref="ModelEntry.Url"/>.</summary>
    OpenAi,
}

/// <summary>One model of the project.</summary>
public sealed record ModelEntry
{
    public required ProjectSource Source { get; init; }

    public required ModelKind Kind { get; init; }

    public required ModelEngine Engine { get; init; }

    /// <summary>Name in the registry; the entry's own name unless <c>name</c> says otherwise.</summary>
    public required string RegisteredName { get; init; }

    /// <summary>Number of the registered version, from 1. For ONNX models this, <see cref="Digest"/> or <see cref="Alias"/> is always present.</summary>
    public int? Version { get; init; }

    /// <summary>Alias that the model follows, such as <c>champion</c>; pilothouse.lock pins the version it points to. Without version and digest only.</summary>
    public string? Alias { get; init; }

    /// <summary>Folder into which <c>pilothouse sync</c> puts the files, relative to the project file; null = nowhere.</summary>
    public string? Checkout { get; init; }

    /// <summary>Content digest, <c>sha256:</c> and 64 hex digits. When the version is given too, both must agree.</summary>
    public string? Digest { get; init; }

    /// <summary>Prompt file, relative to the project file. Generative models only.</summary>
    public string? Prompt { get; init; }

    /// <summary>A registered prompt in place of a file, <c>prompts:/NAME/VERSION</c>; or <c>prompts:/NAME@ALIAS</c>, whose version pilothouse.lock pins.</summary>
    public string? RegisteredPrompt { get; init; }

    /// <summary>Digest that pilothouse.lock demands of the registered prompt; null = it says nothing. Not read from the file.</summary>
    public string? PromptDigest { get; init; }

    /// <summary>Request parameters sent with each call, such as temperature and max_tokens.</summary>
    public required IReadOnlyDictionary<string, JsonElement> Parameters { get; init; }

    /// <summary>Probability from which a classifier answers "yes", between 0 and 1.</summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>What tokens cost, or null when nothing is said.</summary>
    public TokenPrice? Price { get; init; }

    /// <summary>Base address of an OpenAI-compatible server, such as <c>http://127.0.0.1:8080/v1</c>. Engine openai only.</summary>
    public string? Url { get; init; }

    /// <summary>Name of the model at that server. Engine openai only.</summary>
    public string? UpstreamModel { get; init; }

    /// <summary>Name of the environment variable that holds that server's API key: keys never stand in the file.</summary>
    public string? ApiKeyEnv { get; init; }

    /// <summary>Requests that an evaluation may send to that server in a minute; null = as fast as it answers. Engine openai only.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Tokens, read and written, that an evaluation may take there in a minute. Engine openai only.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>For how long evaluations reuse its answers although nobody can vouch for its content; null = never. Engine openai only.</summary>
    public TimeSpan? CacheFor { get; init; }
}

/// <summary>Price of a million tokens, in one currency for the whole project.</summary>
public sealed record TokenPrice(double Input, double Output)
{
    /// <summary>Cost of one call.</summary>
    public double Of(long promptTokens, long completionTokens) => (promptTokens * Input + completionTokens * Output) / 1e6;
}

/// <summary>One data set: a JSONL file of the repository or a registered version.</summary>
public sealed record DataEntry
{
    public required ProjectSource Source { get; init; }

    /// <summary>Path relative to the project file, or null for a registered data set.</summary>
    public string? Path { get; init; }

    /// <summary>Name of the registered data set, or null for a file.</summary>
    public string? Dataset { get; init; }

    /// <summary>Version of the registered data set, from 1.</summary>
    public int? Version { get; init; }

    /// <summary>Split of the registered data set, such as <c>test</c>; null = all rows.</summary>
    public string? Split { get; init; }

    /// <summary><c>datasets:/NAME/VERSION</c>, with <c>#SPLIT</c> when it is one; null for a file.</summary>
    public string? Reference => Dataset is null ? null : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"datasets:/{Dataset}/{Version}{(Split is null ? "" : "#" + Split)}");

    /// <summary>File into which <c>pilothouse sync</c> puts a registered data set, a folder when it has several; relative to the project file; null = nowhere.</summary>
    public string? Checkout { get; init; }
}

/// <summary>Numbers of the live traffic that are watched.</summary>
public sealed record MonitorEntry
{
    public required ProjectSource Source { get; init; }

    public required string Model { get; init; }

    /// <summary>Online scorer of each response, such as <c>grounded</c>.</summary>
    public required string Metric { get; init; }

    /// <summary>Pass rate under which the model is taken to be well, between 0 and 1.</summary>
    public required double Reference { get; init; }

    /// <summary>Chance of a false alarm over the monitor's whole life, between 0 and 1.</summary>
    public required double Alpha { get; init; }

    /// <summary>Responses seen before it may raise an alarm.</summary>
    public required int MinSamples { get; init; }

    /// <summary>What a response must keep to pass: most milliseconds (<c>latency_ms</c>) or least mean log-probability (<c>confidence</c>); null for other metrics.</summary>
    public double? Limit { get; init; }
}

/// <summary>Where to send what a monitor raises.</summary>
public sealed record AlertEntry
{
    public required ProjectSource Source { get; init; }

    /// <summary>Address that receives Alertmanager's webhook format.</summary>
    public required string Webhook { get; init; }

    public required IReadOnlyList<string> Monitors { get; init; }
}

/// <summary>Where releases run.</summary>
public enum EnvironmentTarget
{
    /// <summary>The machine of the server itself.</summary>
    Local,
}

/// <summary>One place that a release can be deployed to.</summary>
public sealed record EnvironmentEntry
{
    public required ProjectSource Source { get; init; }

    public required EnvironmentTarget Target { get; init; }

    public required RolloutEntry Rollout { get; init; }

    /// <summary>Evidence without which no release is deployed here.</summary>
    public required IReadOnlyList<RequiredEvidence> Require { get; init; }
}

/// <summary>What must be known about a release before it is deployed.</summary>
public enum RequiredEvidence
{
    /// <summary>The latest evaluation of its commit passed.</summary>
    Evaluation,

    /// <summary>The latest fairness report of its commit passed.</summary>
    Fairness,

    /// <summary>Someone approved it.</summary>
    Approval,
}

/// <summary>How traffic moves to a new release.</summary>
public sealed record RolloutEntry
{
    /// <summary>All traffic at once, nothing watched: what an environment without <c>rollout</c> does.</summary>
    public static RolloutEntry AtOnce { get; } = new() { Steps = [100], Interval = TimeSpan.Zero, MinRequests = 0, Monitors = [] };

    /// <summary>Percent of traffic at each step: rising, the last is 100.</summary>
    public required IReadOnlyList<int> Steps { get; init; }

    /// <summary>Least time at each step.</summary>
    public required TimeSpan Interval { get; init; }

    /// <summary>Least number of requests answered by the new release at each step.</summary>
    public required int MinRequests { get; init; }

    /// <summary>Monitors that roll the release back when they alarm.</summary>
    public required IReadOnlyList<string> Monitors { get; init; }
}
