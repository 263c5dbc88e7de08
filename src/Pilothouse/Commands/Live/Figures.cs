using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Live;

/// <summary>Figures in the words that the live verbs share.</summary>
internal static class Figures
{
    /// <summary><c>sha256:0123456789ab</c>.</summary>
    public static string Short(string? digest) => digest is null ? "-" : digest.Length > 19 ? digest[..19] : digest;

    public static string Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string Monitor(MonitorState m) => m.Samples == 0
        ? $"{m.Name}: nothing judged yet"
        : FormattableString.Invariant($"{m.Name}: {m.Value:0.000} [{m.Lower:0.000}, {m.Upper:0.000}] of {m.Samples}, e = {E(m.EValue)} of {1 / m.Alpha:0.#}, {m.Status}");

    public static string Arm(ArmObservation a) => FormattableString.Invariant(
        $"{a.Arm} {Short(a.Release)}: {a.Requests} requests, {a.Errors} errors{(a.LatencyP50Ms is { } p50 ? FormattableString.Invariant($", p50 {p50:0.#} ms, p95 {a.LatencyP95Ms:0.#} ms") : "")}");

    /// <summary><c> 50% ##########..........  12/30 responses  3/5 s</c>.</summary>
    public static string Progress(Rollout r, long nowMs)
    {
        var filled = Math.Clamp(r.Weight / 5, 0, 20);
        var seconds = Math.Max(0, nowMs - r.StepStartedMs) / 1000;
        return FormattableString.Invariant($"{r.Weight,3}% {new string('#', filled)}{new string('.', 20 - filled)}  {r.StepRequests}/{r.MinRequests} responses  {seconds}/{r.IntervalMs / 1000.0:0.#} s");
    }

    private static string E(double value) => value >= 1e4 ? value.ToString("0.0e+0", CultureInfo.InvariantCulture) : value.ToString("0.##", CultureInfo.InvariantCulture);
}
