using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Templates;

/// <summary>What pipelines say of schedules.</summary>
internal static class ScheduleNotes
{
    /// <summary>Each round once, whatever its branch.</summary>
    public static IReadOnlyList<string> Crons(IReadOnlyList<CiSchedule> schedules) => [.. schedules.Select(s => s.Cron).Distinct(StringComparer.Ordinal)];

    /// <summary>For systems that keep schedules beside their file.</summary>
    public static string Elsewhere(string where, IReadOnlyList<CiSchedule>? schedules) =>
        $"# Schedules are not kept in this file but in {where}{(schedules is { Count: > 0 } ? ", in UTC: " + string.Join("; ", schedules.Select(s => s.Cron + (s.Branch is null ? "" : " of " + s.Branch))) : "")}.\n";

    /// <summary>Rounds of a branch that the file of another cannot start.</summary>
    public static IReadOnlyList<CiSchedule> OfBranches(IReadOnlyList<CiSchedule>? schedules) => [.. (schedules ?? []).Where(s => s.Branch is not null)];
}
