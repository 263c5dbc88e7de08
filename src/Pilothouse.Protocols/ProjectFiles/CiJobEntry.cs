namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>One job of continuous integration.</summary>
public sealed record CiJobEntry
{
    /// <summary>Runs on the Pilothouse server itself, and by 'pilothouse ci run'.</summary>
    public const string BuiltIn = "builtin";

    /// <summary>First part of the names of the checks that jobs are.</summary>
    public const string ContextPrefix = "pilothouse/ci/";

    public required ProjectSource Source { get; init; }

    public required CiTriggers On { get; init; }

    /// <summary>Jobs of the same file that must have succeeded before.</summary>
    public required IReadOnlyList<string> Needs { get; init; }

    /// <summary><see cref="BuiltIn"/>, or the name of a connection to a CI system, which runs what its own pipeline says.</summary>
    public required string Runner { get; init; }

    /// <summary>In this order; the first that fails ends the job. Empty for a job of another runner.</summary>
    public required IReadOnlyList<CiStepEntry> Steps { get; init; }

    /// <summary>Time for all steps together.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Bytes that its processes may have together; null = no limit.</summary>
    public required long? Memory { get; init; }

    /// <summary>Processor time that its processes may use together, on all cores; null = no limit.</summary>
    public required TimeSpan? Cpu { get; init; }

    /// <summary>A protected branch takes a commit only when this job succeeded on it.</summary>
    public required bool Required { get; init; }

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>JUnit files that the steps write: paths in the checkout, <c>*</c> stands for anything.</summary>
    public required IReadOnlyList<string> JUnit { get; init; }

    /// <summary>Files to keep, as for <see cref="JUnit"/>.</summary>
    public required IReadOnlyList<string> Artifacts { get; init; }
}

/// <summary>What starts a job.</summary>
/// <param name="Push">Branches; <c>*</c> and <c>?</c> stand for anything.</param>
/// <param name="Paths">A push starts it only when a file of these changed; empty = any.</param>
/// <param name="Registry">A new version of a model, prompt or data set starts it on the default branch.</param>
/// <param name="Schedule">Rounds that start it.</param>
public sealed record CiTriggers(IReadOnlyList<string> Push, IReadOnlyList<string> Paths, bool Registry, IReadOnlyList<CiSchedule> Schedule)
{
    /// <summary>Every push to a branch.</summary>
    public static CiTriggers Default { get; } = new(["*"], [], Registry: false, []);
}

/// <param name="Cron">As <see cref="CronSchedule"/> has it, in UTC.</param>
/// <param name="Branch">Whose head it runs; null = the default branch.</param>
public sealed record CiSchedule(string Cron, string? Branch);

/// <summary>One step: exactly one of the three.</summary>
/// <param name="Run">For <c>sh -e</c>, in the checkout.</param>
/// <param name="Suites">Names of suites; empty = all of the project, with its fairness checks.</param>
/// <param name="Sync">Brings what pilothouse.lock tracks into the checkout.</param>
public sealed record CiStepEntry(ProjectSource Source, string? Name, string? Run, IReadOnlyList<string>? Suites, bool Sync)
{
    public string Title => Name ?? (Suites is { } suites ? suites.Count == 0 ? "all suites" : "suites " + string.Join(", ", suites) : Sync ? "sync" : Run!.Split('\n')[0].Trim());
}

/// <summary>Order of jobs.</summary>
public static class CiJobs
{
    /// <summary>Some jobs and all that they need, each after what it needs. A file without faults has no circles; with one, it ends all the same.</summary>
    public static IReadOnlyList<string> WithNeeds(IReadOnlyDictionary<string, CiJobEntry> jobs, IEnumerable<string> wanted)
    {
        var order = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in wanted) Visit(name);
        return order;

        void Visit(string name)
        {
            if (!seen.Add(name) || !jobs.TryGetValue(name, out var job)) return;
            foreach (var need in job.Needs) Visit(need);
            order.Add(name);
        }
    }
}
