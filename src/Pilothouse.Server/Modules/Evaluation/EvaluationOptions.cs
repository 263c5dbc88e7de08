using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Section <c>Evaluation</c>.</summary>
public sealed class EvaluationOptions
{
    /// <summary>Model calls of one evaluation at the same time.</summary>
    [Range(1, 256)]
    public int Concurrency { get; set; } = Math.Max(2, Environment.ProcessorCount);

    /// <summary>Cases of one suite.</summary>
    [Range(1, 1_000_000)]
    public int MaxCases { get; set; } = 100_000;

    /// <summary>Share of a suite's cases that an engine may fail to answer; above it the suite is INVALID instead of judged on what is left.</summary>
    [Range(0, 1)]
    public double MaxFailedShare { get; set; } = 0.02;

    /// <summary>Share of a suite's cases that may be in quarantine; above it the suite is INVALID.</summary>
    [Range(0, 1)]
    public double MaxQuarantinedShare { get; set; } = 0.1;

    /// <summary>Tries of one case when the engine is away (never for a wrong answer).</summary>
    [Range(1, 10)]
    public int Attempts { get; set; } = 5;

    /// <summary>Longest time for one model call.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Whether suites may run commands (scorers of type process) with the rights of this server. Off, because whoever may push could run anything.</summary>
    public bool AllowProcesses { get; set; }

    /// <summary>Environment variables of the server that commands get.</summary>
    public IList<string> CommandVariables { get; } = [];

    /// <summary>Calls of one evaluation to a remote engine at the same time.</summary>
    [Range(1, 1024)]
    public int RemoteConcurrency { get; set; } = 16;

    /// <summary>Longest wait that a remote engine may ask for (Retry-After); one that asks for more counts as away.</summary>
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Answers are reused for this long.</summary>
    [Range(0, 3650)]
    public int CacheDays { get; set; } = 30;
}
