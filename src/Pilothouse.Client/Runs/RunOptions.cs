namespace Pilothouse.Client.Runs;

/// <summary>How a run is recorded. The defaults are those of <c>pilothouse run</c>.</summary>
public sealed record RunOptions
{
    /// <summary>Name of the experiment; created when there is none.</summary>
    public string Experiment { get; init; } = "Default";

    /// <summary>Null = the server makes one up.</summary>
    public string? Name { get; init; }

    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>The run this one is a part of. Null = none, or the one around it when <see cref="Nested"/> is set.</summary>
    public string? ParentRunId { get; init; }

    /// <summary>
    /// Inside <c>pilothouse run</c> (the variable PILOTHOUSE_RUN_ID is set): true makes a run of its own below that one; false logs into that one, and leaves its end to the command around it.
    /// </summary>
    public bool Nested { get; init; }

    /// <summary>Where everything is kept until the server has it. Null = PILOTHOUSE_BUFFER, else XDG_STATE_HOME/pilothouse, else ~/.local/state/pilothouse.</summary>
    public string? BufferDirectory { get; init; }

    /// <summary>Bytes that all runs together may keep there; beyond it logging throws <see cref="RunBufferFullException"/>.</summary>
    public long MaxBufferBytes { get; init; } = 4L * 1024 * 1024 * 1024;

    /// <summary>How often the server hears that the run lives, 0.5 s to 10 min. After four missed ones it counts as killed.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often CPU, memory, disk, network and GPUs are sampled; null = never.</summary>
    public TimeSpan? SystemMetricsInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Records commit, branch, remote, diff and the names of untracked files.</summary>
    public bool CaptureSource { get; init; } = true;

    /// <summary>Records operating system, hardware, packages and environment variables, secrets masked.</summary>
    public bool CaptureEnvironment { get; init; } = true;

    /// <summary>The command of the run, for its record; null = the command line of this process.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>How long the end of the run waits for the server to take what is left; after it the rest stays in the buffer.</summary>
    public TimeSpan FlushTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Told in one line what could not be recorded, and what was done about it. Null = standard error.</summary>
    public Action<string>? OnProblem { get; init; }
}

/// <summary>How a run ended.</summary>
public enum RunOutcome
{
    Finished,
    Failed,
    Killed,
}

/// <summary>The buffer of runs has reached its bound while the server was away: what is logged now cannot be kept.</summary>
public sealed class RunBufferFullException(string directory, long limit)
    : IOException($"BUFFER_FULL: the run buffer {directory} holds its {limit} bytes. Bring the server back and send it ('pilothouse run sync'), give it more room, or choose another directory (--buffer, PILOTHOUSE_BUFFER).");
