using System.Globalization;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.CiRunner;

/// <summary>
/// Watches what a job's processes use together and ends the job when it is more than its limits. By looking at /proc a few times a second: that needs no rights and no control groups, works for programs that reserve far more address
/// space than they use (.NET, Go, CUDA), and names the reason. What a program takes between two looks is not held back: against that, limit the server's own unit or container too.
/// </summary>
internal sealed class LimitWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _exceeded = new();
    private readonly CancellationTokenSource _over = new();
    private readonly long? _memory;
    private readonly TimeSpan? _cpu;
    private readonly double _waitedBefore;
    private readonly Task _watching;

    /// <exception cref="IOException">There are limits, and this is not Linux.</exception>
    public LimitWatch(long? memory, TimeSpan? cpu)
    {
        (_memory, _cpu) = (memory, cpu);
        if (memory is null && cpu is null)
        {
            _watching = Task.CompletedTask;
            return;
        }
        if (!OperatingSystem.IsLinux()) throw new IOException("Limits of memory and processor time need a runner on Linux.");
        _waitedBefore = ProcessFigures.WaitedForSeconds();
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>Cancelled when a limit was exceeded.</summary>
    public CancellationToken Token => _exceeded.Token;

    /// <summary>Which limit was exceeded, and by what; null = none.</summary>
    public string? Reason { get; private set; }

    public long PeakBytes { get; private set; }

    public double CpuSeconds { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _watching;
        _over.Dispose();
        _exceeded.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                Look();
                if (Reason is not null)
                {
                    await _exceeded.CancelAsync();
                    return;
                }
                await Task.Delay(Interval, TimeProvider.System, _over.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The job has ended.
        }
    }

    private void Look()
    {
        var processes = ProcessFigures.Descendants();
        var bytes = _memory is null ? 0 : processes.Where(p => !p.Zombie).Sum(p => ProcessFigures.OwnBytes(p.Id));
        PeakBytes = Math.Max(PeakBytes, bytes);
        // Those that have ended and were waited for are in our own sum, and no longer among the processes.
        CpuSeconds = Math.Max(CpuSeconds, ProcessFigures.WaitedForSeconds() - _waitedBefore + processes.Sum(p => p.CpuSeconds));
        if (_memory is { } most && bytes > most) Reason = $"it used {ByteSize.Format(bytes)} of memory, more than its limit memory: {ByteSize.Format(most)}";
        else if (_cpu is { } longest && CpuSeconds > longest.TotalSeconds) Reason = string.Create(CultureInfo.InvariantCulture, $"it used {CpuSeconds:0.0} s of processor time, more than its limit cpu: {Duration.Format(longest)}");
    }
}
