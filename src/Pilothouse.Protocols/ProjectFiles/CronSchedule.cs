using Cronos;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>
/// Rounds of a schedule: the five fields of cron, in UTC. Only what every system that runs pipelines understands alike (crontab(5) without names; Jenkins, GitHub, GitLab): digits, <c>*</c>, <c>,</c>, <c>-</c> and <c>/</c>.
/// </summary>
public static class CronSchedule
{
    private const int Fields = 5;
    private const int MaxText = 100;
    /// <summary>Rounds looked at for the shortest time between two: more than a day's.</summary>
    private const int Looked = 300;
    private const int DayOfMonth = 2;
    private const int DayOfWeek = 4;

    /// <summary>The shortest time between two rounds: GitHub's.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMinutes(5);

    /// <summary>A leap year begins, so that 29 February comes.</summary>
    private static readonly DateTimeOffset Some = new(2027, 12, 31, 23, 59, 59, TimeSpan.Zero);

    /// <returns>What is wrong and what to do; null = nothing.</returns>
    public static (string Message, string Remedy)? Fault(string text)
    {
        const string remedy = "Write minute, hour, day of the month, month and weekday (0 = Sunday), such as 0 3 * * 1-5, in UTC.";
        var fields = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (text.Length > MaxText || fields.Length != Fields || !text.All(c => char.IsAsciiDigit(c) || c is ' ' or '*' or ',' or '-' or '/') || Parse(text) is not { } cron) return ("It is no schedule of five fields of digits, '*', ',', '-' and '/'.", remedy);
        if (fields[DayOfMonth] != "*" && fields[DayOfWeek] != "*") return ("A day of the month together with a weekday means both to some systems, and either to others.", "Leave one of the two at *, and write two schedules when you mean either.");
        if (cron.GetNextOccurrence(Some, TimeZoneInfo.Utc) is not { } round) return ("Its day never comes.", remedy);
        for (var i = 0; i < Looked && cron.GetNextOccurrence(round, TimeZoneInfo.Utc) is { } next; i++, round = next)
            if (next - round < Shortest) return ($"Its rounds are {Duration.Format(next - round)} apart; {Duration.Format(Shortest)} is the shortest.", "Write something like */10 * * * *.");
        return null;
    }

    /// <returns>The first round after a moment; null when none comes, or <paramref name="text"/> is no schedule.</returns>
    public static DateTimeOffset? Next(string text, DateTimeOffset after) => Parse(text)?.GetNextOccurrence(after, TimeZoneInfo.Utc);

    private static CronExpression? Parse(string text) => CronExpression.TryParse(text, CronFormat.Standard, out var cron) ? cron : null;
}
