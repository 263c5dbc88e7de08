namespace Pilothouse.Protocols.V1;

/// <summary>A command to run on the server's machine.</summary>
/// <param name="Command">Program and its arguments; no shell is involved unless it is one.</param>
/// <param name="WorkingDirectory">Absolute path; null = an empty directory that is removed afterwards.</param>
/// <param name="Environment">Variables added to a minimal environment (PATH, HOME, LANG): the server's own secrets are not passed on.</param>
/// <param name="TimeoutSeconds">The process tree is killed after it; null = one hour.</param>
/// <param name="OnCrash">What becomes of it when the server dies while it runs: <c>fail</c> (default) or <c>requeue</c>.</param>
public sealed record NewJob(IReadOnlyList<string> Command, string? Name = null, string? Project = null, string? WorkingDirectory = null, IReadOnlyDictionary<string, string>? Environment = null,
    double? TimeoutSeconds = null, string? OnCrash = null);

/// <param name="Status">queued, running, succeeded, failed, cancelled, timed_out.</param>
/// <param name="Attempts">Times it was started; more than one only after an infrastructure failure or a crash with <c>requeue</c>.</param>
/// <param name="LogDigest">Blob with standard output and error, once it has ended.</param>
/// <param name="Error">Why it did not succeed, in words.</param>
public sealed record Job(string Id, string Name, string? Project, IReadOnlyList<string> Command, string? WorkingDirectory, double TimeoutSeconds, string OnCrash, string Status, int Attempts, int? ExitCode,
    string? LogDigest, string? Error, string CreatedBy, long CreatedMs, long? StartedMs, long? FinishedMs);
