using System.CommandLine;
using Pilothouse.Commands.Live;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse alerts</c>.</summary>
internal static class AlertsCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var environment = new Option<string>("--environment") { Description = "Only those of PROJECT/ENVIRONMENT." };
        var limit = new Option<int>("--limit") { Description = "How many, newest first.", DefaultValueFactory = _ => 20 };
        var command = new Command("alerts", "Alerts, newest first, with what became of their webhooks. Exit code 1 when any fires.") { environment, limit, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var alerts = await client.ListAlertsAsync(result.GetValue(environment), result.GetValue(limit), ct);
            if (alerts.Count == 0) Console.WriteLine("No alerts.");
            foreach (var alert in alerts) Print(alert);
            return alerts.Any(a => a.Status == "firing") ? ExitCode.Failed : ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static void Print(Alert alert)
    {
        Console.WriteLine($"{alert.Status.ToUpperInvariant(),-8}  {alert.Monitor}  {alert.Environment} ({alert.Arm} {Figures.Short(alert.Release)})  {Figures.Time(alert.StartedMs)}{(alert.EndedMs is { } end ? $" to {Figures.Time(end)}" : "")}");
        Console.WriteLine($"          {alert.Summary}");
        foreach (var d in alert.Deliveries) Console.WriteLine($"          {d.Event} -> {d.Url}: {d.Status} after {d.Attempts} attempt(s){(d.Error is { } error ? $" ({error})" : "")}");
    }
}
