using System.Threading.Channels;

namespace Pilothouse.Client.Runs;

/// <summary>The background loop of a run: sends what is there, rests while there is nothing, and tries again, ever more rarely, while the server is away.</summary>
internal sealed class RunPump(RunSender sender, RunBuffer buffer, TimeProvider time, Action<string> problem)
{
    /// <summary>So that single metrics become batches.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _gate = new();
    private readonly List<(TaskCompletionSource<bool> Done, long Round)> _waiting = [];
    private long _round;
    private volatile bool _hurry;

    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsAway { get; private set; }

    /// <summary>Completes when the server has taken something for the first time.</summary>
    public Task Reached => _reached.Task;

    /// <summary>There is something to send.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    public void Away(Exception e)
    {
        if (!IsAway) problem($"the server is away or refuses ({e.Message}); everything is kept in {buffer.Directory} until it is back");
        IsAway = true;
    }

    public async Task RunAsync(CancellationToken ct)
    {
        var pause = FirstPause;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                lock (_gate) _round++;
                var sent = await sender.SendAllAsync(ct);
                if (IsAway) problem("the server is back; what was kept is sent");
                IsAway = false;
                _reached.TrySetResult();
                pause = FirstPause;
                if (!sent) Answer();
                if (!sent) await _wake.Reader.ReadAsync(ct);
                if (!_hurry) await Task.Delay(Linger, time, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Away(e);
                buffer.Sync();
                if (!await PauseAsync(_hurry ? FirstPause : pause, ct)) return;
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    /// <returns>True when all that was there has been sent.</returns>
    public async Task<bool> DrainAsync(TimeSpan limit, CancellationToken ct)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        (TaskCompletionSource<bool>, long) mine;
        lock (_gate) _waiting.Add(mine = (done, _round + 1));
        _hurry = true;
        Wake();
        try
        {
            return await done.Task.WaitAsync(limit, time, ct);
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            lock (_gate)
            {
                _waiting.Remove(mine);
                _hurry = _waiting.Count > 0;
            }
        }
    }

    /// <summary>Nothing was left, in a round that began after they asked: one who came during the round waits for the next.</summary>
    private void Answer()
    {
        if (!buffer.AllSent) return;
        lock (_gate)
        {
            foreach (var (done, round) in _waiting)
                if (round <= _round) done.TrySetResult(true);
        }
    }

    private async Task<bool> PauseAsync(TimeSpan pause, CancellationToken ct)
    {
        try
        {
            await Task.Delay(pause, time, ct);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
