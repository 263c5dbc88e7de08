namespace Pilothouse.Server.Modules.Traces;

/// <summary>
/// OpenTelemetry's id of a trace is 32 hex digits, MLflow's is <c>tr-</c> and the same digits. Other ids of MLflow's clients (version 2 of its protocol makes some, and a client may
/// choose one) are kept with a prefix that no OpenTelemetry id has.
/// </summary>
internal static class TraceIds
{
    /// <summary>Longest id of a client.</summary>
    public const int MaxLength = 128;

    private const string Mlflow = "tr-";
    private const string Foreign = "v2-";

    public static string FromMlflow(string id) => id.Length == 35 && id.StartsWith(Mlflow, StringComparison.Ordinal) && IsHex(id.AsSpan(3)) ? id[3..] : Foreign + id;

    public static string ToMlflow(string id) => id.StartsWith(Foreign, StringComparison.Ordinal) ? id[Foreign.Length..] : Mlflow + id;

    /// <summary>The id as a person may write it: OpenTelemetry's in any case, or MLflow's.</summary>
    public static string FromUser(string id) => id.StartsWith(Mlflow, StringComparison.Ordinal) ? FromMlflow(id) : id.StartsWith(Foreign, StringComparison.Ordinal) ? id : id.ToLowerInvariant();

    /// <summary>Whether spans of OpenTelemetry can belong to it.</summary>
    public static bool IsOpenTelemetry(string id) => id.Length == 32 && IsHex(id);

    private static bool IsHex(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (!char.IsAsciiHexDigitLower(c)) return false;
        return true;
    }
}
