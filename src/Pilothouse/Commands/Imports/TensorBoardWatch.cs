using System.Threading.Channels;
using Pilothouse.Client;

namespace Pilothouse.Commands.Imports;

/// <summary>
/// Follows a directory: a pass over it whenever the system tells of a change, and at an interval besides, since network file systems tell nothing. A server that is
/// away is waited for.
/// </summary>
internal sealed class TensorBoardWatch(TensorBoardImport import, TimeProvider time, TimeSpan interval, Action<string> say)
{
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Runs until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var watcher = Watch();
        var total = 0L;
        try
        {
            while (true)
            {
                try
                {
                    total += await import.PassAsync(ct);
                }
                catch (PilothouseApiException e) when (e.Status is 0 or >= 500 or 429)
                {
                    say($"pilothouse: {e.Message} Trying again in {interval.TotalSeconds:0} s; nothing is lost, the files are read on from where the server stopped.");
                    await Task.Delay(interval, time, ct);
                    continue;
                }
                await WaitAsync(ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            say($"pilothouse: {total} bytes were read. The runs stay as they are; import once without --watch to end them.");
        }
    }

    /// <summary>Until something changes, or the interval is over.</summary>
    private async Task WaitAsync(CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var change = _changes.Reader.ReadAsync(either.Token).AsTask();
        await Task.WhenAny(change, Task.Delay(interval, time, either.Token));
        await either.CancelAsync();
        await change.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        ct.ThrowIfCancellationRequested();
    }

    private FileSystemWatcher? Watch()
    {
        try
        {
            var watcher = new FileSystemWatcher(import.Directory) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.Size | NotifyFilters.LastWrite };
            watcher.Changed += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Created += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Renamed += (_, _) => _changes.Writer.TryWrite(true);
            watcher.Error += (_, _) => _changes.Writer.TryWrite(true); // too many changes at once: a pass sees them all
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            say($"pilothouse: the system does not tell of changes here ({e.Message}); the files are looked at every {interval.TotalSeconds:0} s.");
            return null;
        }
    }
}
