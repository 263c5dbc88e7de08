namespace Pilothouse.Client.Runs;

/// <summary>What a failed call means for what was to be sent.</summary>
internal enum SendFailure
{
    /// <summary>The server is away or busy: the same call may succeed later.</summary>
    Away,
    /// <summary>This caller, or this run, is refused as a whole (no login, no such run): nothing is sent until someone has looked.</summary>
    Blocked,
    /// <summary>This content is refused, whenever it comes.</summary>
    Refused,
}

internal static class SendFailures
{
    public static bool IsExpected(Exception e) => e is PilothouseApiException or HttpRequestException or IOException or TaskCanceledException or System.Text.Json.JsonException;

    public static SendFailure Classify(Exception e) => e switch
    {
        PilothouseApiException { Code: "UNSUPPORTED" } => SendFailure.Refused,
        PilothouseApiException { Status: 401 or 403 or 404 } => SendFailure.Blocked,
        PilothouseApiException { Status: >= 400 and < 500 and not 408 and not 429 } => SendFailure.Refused,
        _ => SendFailure.Away,
    };
}
