namespace Pilothouse.Server.Modules.Gateway;

/// <summary>Section <c>Gateway</c>.</summary>
public sealed class GatewayOptions
{
    /// <summary>Models held in memory at once; the least recently used goes first.</summary>
    public int MaxLoadedModels { get; set; } = 8;

    /// <summary>Bytes of model files held in memory at once (one model is always allowed).</summary>
    public long MaxLoadedBytes { get; set; } = 4L * 1024 * 1024 * 1024;

    /// <summary>Generations that run at the same time in this process; 0 = one a processor.</summary>
    public int EngineThreads { get; set; }

    /// <summary>Generations that may wait for a thread; the next is refused with RateLimited.</summary>
    public int MaxQueuedGenerations { get; set; } = 256;

    /// <summary>Tokens one answer may have, whatever the request says.</summary>
    public int MaxTokens { get; set; } = 4096;

    /// <summary>Time a remote engine may take from the request to its last token.</summary>
    public TimeSpan UpstreamTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Time a remote engine may take to accept the connection.</summary>
    public TimeSpan UpstreamConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>API keys of remote engines, by authority: <c>"api.example.com:443": "KEY"</c>. Never written to a log, a trace or a release.</summary>
    public IDictionary<string, string> UpstreamKeys { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Environment variables of this server whose value may be sent as API key, each with the authorities (comma-separated) that may get it:
    /// <c>"OPENAI_API_KEY": "api.openai.com"</c>. What a project file names with <c>api_key_env</c> is looked up here, so that a push cannot send a key elsewhere.
    /// </summary>
    public IDictionary<string, string> KeyVariables { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Responses whose trace may wait to be written; beyond it traces are dropped and counted, never the response.</summary>
    public int MaxQueuedTraces { get; set; } = 10_000;

    /// <summary>Characters of input and of output kept in a trace; the rest is cut.</summary>
    public int MaxTracedText { get; set; } = 32 * 1024;

    /// <summary>All faults, each with its key; empty when the options are good.</summary>
    internal IEnumerable<string> Faults()
    {
        if (MaxLoadedModels < 1) yield return "Gateway:MaxLoadedModels must be at least 1.";
        if (MaxLoadedBytes < 1) yield return "Gateway:MaxLoadedBytes must be positive.";
        if (EngineThreads is < 0 or > 256) yield return "Gateway:EngineThreads must be between 0 (one a processor) and 256.";
        if (MaxQueuedGenerations < 1) yield return "Gateway:MaxQueuedGenerations must be at least 1.";
        if (MaxTokens < 1) yield return "Gateway:MaxTokens must be at least 1.";
        if (UpstreamTimeout <= TimeSpan.Zero) yield return "Gateway:UpstreamTimeout must be positive, e.g. 00:05:00.";
        if (UpstreamConnectTimeout <= TimeSpan.Zero) yield return "Gateway:UpstreamConnectTimeout must be positive, e.g. 00:00:05.";
        if (MaxQueuedTraces < 1) yield return "Gateway:MaxQueuedTraces must be at least 1.";
        if (MaxTracedText < 0) yield return "Gateway:MaxTracedText must not be negative.";
    }
}
