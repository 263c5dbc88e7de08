using System.CommandLine;
using Pilothouse.Commands.Runs;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse run -- CMD ...</c>: runs a command as a tracked run.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var experiment = new Option<string>("--experiment", "-e") { Description = "Experiment of the run; created when there is none.", DefaultValueFactory = _ => "Default" };
        var name = new Option<string>("--name", "-n") { Description = "Name of the run (default: the server makes one up)." };
        var tag = new Option<string[]>("--tag", "-t") { Description = "Tag of the run, KEY=VALUE; may be repeated." };
        var output = new Option<string[]>("--output", "-o") { Description = "File or directory that the command writes; stored as artifacts when it ends. May be repeated." };
        var words = new Argument<string[]>("command") { Description = "The command and its arguments, after --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run", "Run a command as a tracked run: commit and diff, environment, output, CPU and memory are recorded; the exit code is the command's own.") { experiment, name, tag, output, server, words };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var request = new RunRequest(result.GetValue(experiment)!, result.GetValue(name), [.. (result.GetValue(tag) ?? []).Select(ParseTag)], result.GetValue(output) ?? [], result.GetValue(words)!);
            return await new TrackedRun(client, TimeProvider.System).ExecuteAsync(request, ct);
        }, guarded: true);
        return command;
    }

    private static MlflowTag ParseTag(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? new MlflowTag(text[..equals], text[(equals + 1)..]) : throw new UsageException($"'{text}' is not a tag. Write --tag KEY=VALUE.");
    }
}
