namespace Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;

/// <summary>A delivery as it came in.</summary>
/// <param name="Headers">By name, in any case.</param>
/// <param name="Token">Of the query string; Jenkins' Notification plugin can send a secret nowhere else.</param>
internal sealed record HookRequest(IReadOnlyDictionary<string, string> Headers, string? Token, byte[] Body)
{
    /// <summary>Bytes of a delivery. The longest that a system here sends about one build are some hundred kilobytes.</summary>
    public const int MaxBody = 4 * 1024 * 1024;

    public string Header(string name) => Headers.TryGetValue(name, out var value) ? value : "";
}

/// <summary>What a delivery says of a build.</summary>
/// <param name="State">One of those of a build.</param>
/// <param name="Commit">40 hex digits, as the system has it.</param>
/// <param name="Handle">With which the system can be asked how it goes; null = it cannot.</param>
/// <param name="BuildId">Ours, when the system gives it back.</param>
/// <param name="AskAgain">The system is to be asked: this is a part of the build only.</param>
internal sealed record HookReport(string State, string? Commit, string? Ref, string? Url, string? Handle, string? BuildId, string? Error, bool AskAgain = false);
