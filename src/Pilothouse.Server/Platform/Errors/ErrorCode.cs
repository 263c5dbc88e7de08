namespace Pilothouse.Server.Platform;

/// <summary>Every failure that a caller can act on. Each protocol edge maps these to its own shape and status.</summary>
public enum ErrorCode
{
    InvalidArgument,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    AlreadyExists,
    /// <summary>The object is in a state that forbids the call (e.g. a deleted run, a rollout under way).</summary>
    FailedPrecondition,
    /// <summary>pilothouse.lock is missing, or not the one of this pilothouse.yaml and these files.</summary>
    LockStale,
    /// <summary>The content does not have the digest that was promised.</summary>
    DigestMismatch,
    TooLarge,
    Unsupported,
    RateLimited,
    /// <summary>Something this call needs is not reachable now; the same call may succeed later.</summary>
    Unavailable,
    StorageFull,
    /// <summary>A model engine or upstream server failed.</summary>
    UpstreamFailed,
    Internal,
}

/// <summary>A failure with a name; the message says what is wrong and what to do.</summary>
public sealed class PilothouseException(ErrorCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public ErrorCode Code { get; } = code;

    /// <summary>When the other side said to come again (HTTP's Retry-After), counted from now; null = it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The other side refuses this very request: asking again would change nothing.</summary>
    public bool IsPermanent { get; init; }
}
