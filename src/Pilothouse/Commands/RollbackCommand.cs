using System.CommandLine;
using Pilothouse.Commands.Live;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse rollback ENV --reason R</c>.</summary>
internal static class RollbackCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var environment = new EnvironmentArgument();
        var reason = new Option<string>("--reason") { Description = "Why; stands in the audit log.", Required = true };
        var to = new Option<string>("--to") { Description = "A release that the environment ran before (default: the one before this)." };
        var command = new Command("rollback", "Point an environment back at an earlier release, at once; or take a rollout under way back.") { environment.Name, reason, to, environment.Project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (project, name) = await environment.ReadAsync(result, ct);
            var rollout = await client.RollbackAsync(project, name, new NewRollback(result.GetValue(reason)!, result.GetValue(to)), ct);
            var state = await client.GetEnvironmentAsync(project, name, ct);
            Console.WriteLine($"{project}/{name} runs {Figures.Short(state.Release)} ({(rollout.Kind == "rollback" ? "instead of" : "without")} {Figures.Short(rollout.Kind == "rollback" ? rollout.PreviousRelease : rollout.Release)}).");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
