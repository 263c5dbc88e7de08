using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Pipelines.Api;

/// <summary>Commands that run on this server's machine, from a queue that survives a crash.</summary>
public interface IJobs
{
    /// <exception cref="Platform.PilothouseException">InvalidArgument, or RateLimited: the queue is full.</exception>
    Task<Job> EnqueueAsync(NewJob job, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<Job> GetAsync(string id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<IReadOnlyList<Job>> ListAsync(string? project, string? status, int limit, CancellationToken ct);

    /// <summary>A waiting job will not start; the process tree of a running one is killed. One that has ended stays as it is.</summary>
    Task<Job> CancelAsync(string id, string actor, CancellationToken ct);

    /// <summary>Standard output and error together, as far as there is any.</summary>
    Task<Stream> OpenLogAsync(string id, CancellationToken ct);
}

/// <summary>Event: a job began to run.</summary>
public sealed record JobStarted(string Id);

/// <summary>Event: a job ended.</summary>
public sealed record JobFinished(Job Job);
