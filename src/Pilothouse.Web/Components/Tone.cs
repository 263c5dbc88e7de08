namespace Pilothouse.Web.Components;

/// <summary>Which colour a word of the domain has: good, doubtful, bad, under way, or none.</summary>
internal static class Tone
{
    public static string Of(string? word) => word?.ToUpperInvariant() switch
    {
        "PASS" or "APPROVED" or "FINISHED" or "STABLE" or "OK" or "SUCCEEDED" or "DELIVERED" or "RESOLVED" or "VALID" or "REPRODUCED" or "SUCCESS" => "ok",
        "INCONCLUSIVE" or "BUDGET" or "COLLECTING" or "PENDING" or "KILLED" or "SCHEDULED" or "WARN" or "CANNOT" or "CANCELLED" or "TIMED_OUT" or "INTERRUPTED" => "warn",
        "FAIL" or "FAILED" or "INVALID" or "FIRING" or "DEGRADED" or "ROLLED_BACK" or "ERROR" or "REJECTED" or "DIFFERS" or "FAILURE" => "bad",
        "RUNNING" or "PROGRESSING" or "STARTED" or "WEIGHT" or "TRIGGERED" => "busy",
        _ => "",
    };

    /// <summary>As a person writes it: <c>rolled_back</c> is "rolled back".</summary>
    public static string Words(string? word) => (word ?? "").Replace('_', ' ').ToLowerInvariant();
}
