using Pilothouse.Client;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Live;

/// <summary>Follows a rollout to its end: a line a step, and below it the figures of the moment (on a terminal).</summary>
internal sealed class RolloutWatch(PilothouseClient client, TextWriter output, bool isTerminal, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(300);
    private int _events;
    private int _liveLines;

    public async Task<Rollout> RunAsync(Rollout rollout, CancellationToken ct)
    {
        while (true)
        {
            Erase();
            foreach (var e in rollout.Events.Skip(_events)) output.WriteLine($"{Figures.Time(e.TimeMs)}  {e.Message}");
            _events = rollout.Events.Count;
            if (rollout.Status != "progressing") return rollout;
            if (isTerminal) await DrawAsync(rollout, ct);
            await Task.Delay(Poll, time, ct);
            rollout = await client.GetRolloutAsync(rollout.Id, ct);
        }
    }

    private async Task DrawAsync(Rollout rollout, CancellationToken ct)
    {
        var monitors = await client.ListMonitorsAsync($"{rollout.Project}/{rollout.Environment}", ct);
        string[] lines = [Figures.Progress(rollout, time.GetUtcNow().ToUnixTimeMilliseconds()),
            .. monitors.Where(m => m.Arm == "canary" && m.Status != "stopped" && m.Release == rollout.Release).Take(10).Select(m => "     " + Figures.Monitor(m))];
        foreach (var line in lines) output.WriteLine(line.Length > 160 ? line[..160] : line);
        _liveLines = lines.Length;
    }

    /// <summary>Takes the lines of the moment away again: up one line and clear it, for each.</summary>
    private void Erase()
    {
        for (; _liveLines > 0; _liveLines--) output.Write("\u001b[1A\u001b[2K");
    }
}
