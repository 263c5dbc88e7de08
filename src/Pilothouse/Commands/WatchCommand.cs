using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Commands.Live;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse watch ENV</c>: the live state, until Ctrl-C.</summary>
internal static class WatchCommand
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var environment = new EnvironmentArgument();
        var once = new Option<bool>("--once") { Description = "Print the state once and end." };
        var command = new Command("watch", "Watch an environment live: arms, rollout, monitors, alerts. Ends with Ctrl-C.") { environment.Name, once, environment.Project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (project, name) = await environment.ReadAsync(result, ct);
            var single = result.GetValue(once) || Console.IsOutputRedirected;
            while (true)
            {
                var lines = await LinesAsync(client, project, name, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), ct);
                if (!single) Console.Write("\u001b[H\u001b[J");
                Console.WriteLine(string.Join(Environment.NewLine, lines));
                if (single) return ExitCode.Ok;
                await Task.Delay(Refresh, ct);
            }
        }, guarded: true);
        return command;
    }

    private static async Task<List<string>> LinesAsync(PilothouseClient client, string project, string name, long nowMs, CancellationToken ct)
    {
        var full = $"{project}/{name}";
        var state = await client.GetEnvironmentAsync(project, name, ct);
        List<string> lines = [$"{full}  {state.Status}  {Figures.Time(nowMs)}", $"  runs {Figures.Short(state.Release)}{(state.SinceMs is { } since ? $" since {Figures.Time(since)}" : "")}"];
        if (state.CanaryRelease is not null && (await client.ListRolloutsAsync(project, name, 1, ct)) is [{ Status: "progressing" } rollout, ..])
            lines.Add($"  rolling out {Figures.Short(rollout.Release)}  {Figures.Progress(rollout, nowMs)}");
        lines.AddRange(state.Observed.Select(arm => "  served  " + Figures.Arm(arm)));
        lines.AddRange((await client.ListMonitorsAsync(full, ct)).Where(m => m.Status != "stopped").Select(m => $"  {m.Arm,-6}  {Figures.Monitor(m)}"));
        lines.AddRange((await client.ListAlertsAsync(full, 20, ct)).Where(a => a.Status == "firing").Select(a => $"  ALERT   {a.Monitor} since {Figures.Time(a.StartedMs)}: {a.Summary}"));
        return lines;
    }
}
