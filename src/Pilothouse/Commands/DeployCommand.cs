using System.CommandLine;
using Pilothouse.Commands.Live;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse deploy ENV --release DIGEST</c>.</summary>
internal static class DeployCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var environment = new EnvironmentArgument();
        var release = new Option<string>("--release") { Description = "Digest of the release, or its first 8 hex digits or more.", Required = true };
        var reason = new Option<string>("--reason") { Description = "Stands in the audit log." };
        var wait = new Option<bool>("--wait") { Description = "Follow the rollout to its end. Exit code 0 = succeeded, 1 = rolled back." };
        var command = new Command("deploy", "Roll a release out to an environment, step by step, and back by itself when a monitor raises an alarm.") { environment.Name, release, environment.Project, reason, wait, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (project, name) = await environment.ReadAsync(result, ct);
            var rollout = await client.DeployAsync(project, name, new NewDeployment(result.GetValue(release)!, result.GetValue(reason)), ct);
            if (result.GetValue(wait)) rollout = await new RolloutWatch(client, Console.Out, !Console.IsOutputRedirected, TimeProvider.System).RunAsync(rollout, ct);
            else foreach (var e in rollout.Events) Console.WriteLine(e.Message);
            if (rollout.Status == "progressing") Console.WriteLine($"Rollout {rollout.Id} is under way. Follow it: pilothouse watch {project}/{name}");
            return rollout.Status == "rolled_back" ? ExitCode.Failed : ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
