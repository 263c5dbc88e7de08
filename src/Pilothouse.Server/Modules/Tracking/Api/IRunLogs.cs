namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>Output of runs (<c>stdout</c>, <c>stderr</c>), readable while they run.</summary>
public interface IRunLogs
{
    /// <param name="offset">Byte to begin at; negative = that many before the end.</param>
    /// <param name="limit">Bytes at most; bounded.</param>
    Task<RunLogSlice> ReadAsync(string runId, string stream, long offset, int limit, CancellationToken ct);
}

/// <param name="Offset">Where the bytes begin.</param>
/// <param name="Length">Of the whole log so far.</param>
public sealed record RunLogSlice(long Offset, long Length, byte[] Bytes);
