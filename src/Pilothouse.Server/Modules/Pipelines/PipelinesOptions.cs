using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>Section <c>Pipelines</c>.</summary>
internal sealed class PipelinesOptions
{
    /// <summary>Jobs that run at once on this server.</summary>
    [Range(0, 256, ErrorMessage = "Pipelines:Workers must be between 0 (run none here) and 256.")]
    public int Workers { get; set; } = 2;

    /// <summary>Jobs that may wait.</summary>
    [Range(1, 1_000_000, ErrorMessage = "Pipelines:MaxQueued must be between 1 and 1000000.")]
    public int MaxQueued { get; set; } = 10_000;

    /// <summary>Bytes of output kept of a job; the rest is cut, and the log says so.</summary>
    [Range(1024, 1024 * 1024 * 1024, ErrorMessage = "Pipelines:MaxLogBytes must be between 1 KiB and 1 GiB.")]
    public long MaxLogBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>Times a job is started when the infrastructure (not its command) fails, or the server crashes.</summary>
    [Range(1, 20, ErrorMessage = "Pipelines:MaxAttempts must be between 1 and 20.")]
    public int MaxAttempts { get; set; } = 3;

    /// <summary>Sign of life of a running job, and how soon another server's cancel is noticed.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Key that seals the credentials of CI systems: base64 of 32 bytes, the same on every replica. Empty = a file in the data directory.</summary>
    [RegularExpression("^([A-Za-z0-9+/]{43}=)?$", ErrorMessage = "Pipelines:SecretKey must be base64 of 32 bytes (openssl rand -base64 32), or empty.")]
    public string SecretKey { get; set; } = "";

    /// <summary>Jobs of pilothouse.yaml whose runner is the built-in one run on this machine, as the server's user unless <see cref="JobUser"/> names another: on only where everyone who may push may also do that.</summary>
    public bool RunProjectJobs { get; set; }

    /// <summary>Unix user as whom the commands of those jobs run; "" = the server's own, which can read all that the server can. Needs Linux, setpriv, and a server that is root.</summary>
    [RegularExpression("^([A-Za-z_][A-Za-z0-9_.-]{0,30})?$", ErrorMessage = "Pipelines:JobUser must be the name of a user, or empty.")]
    public string JobUser { get; set; } = "";

    /// <summary>Path of the command line that runs them; "" = this server's own executable.</summary>
    public string CommandLine { get; set; } = "";

    /// <summary>This server starts builds on CI systems and follows them; false on one that cannot reach them, when another can.</summary>
    public bool FollowBuilds { get; set; } = true;

    /// <summary>Jobs that ended longer ago are removed, with their logs and artifacts.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "3650.00:00:00", ErrorMessage = "Pipelines:KeepJobs must be between a day and ten years, such as 90.00:00:00.")]
    public TimeSpan KeepJobs { get; set; } = TimeSpan.FromDays(90);

    /// <summary>Builds on CI systems that ended longer ago are removed.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "3650.00:00:00", ErrorMessage = "Pipelines:KeepBuilds must be between a day and ten years, such as 180.00:00:00.")]
    public TimeSpan KeepBuilds { get; set; } = TimeSpan.FromDays(180);

    /// <summary>Deliveries of webhooks are known for this long, and reports of older builds are not taken: after it one could be replayed.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "365.00:00:00", ErrorMessage = "Pipelines:KeepDeliveries must be between a day and a year, such as 30.00:00:00.")]
    public TimeSpan KeepDeliveries { get; set; } = TimeSpan.FromDays(30);
}
