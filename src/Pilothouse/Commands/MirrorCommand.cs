using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse project mirror add | list | sync | remove</c>.</summary>
internal static class MirrorCommand
{
    private const string PasswordVariable = "PILOTHOUSE_MIRROR_PASSWORD";

    public static Command Create() => new("mirror", "Copies of a repository from and to other servers, with its large files.") { Add(), List(), Sync(), Remove() };

    private static Command Add()
    {
        var server = Cli.ServerOption();
        var (project, url) = (new Argument<string>("project"), new Argument<string>("url") { Description = "Address of the other repository: https://HOST/PATH.git, without a login." });
        var pull = new Option<bool>("--pull") { Description = "This repository follows the other: its branches and tags become those of the other." };
        var push = new Option<bool>("--push") { Description = "The other follows this one: it gets each push." };
        var every = new Option<string>("--every") { Description = "Time between two runs, such as 15m or 1h; 0s = only by 'mirror sync' (default: 1h for --pull; a --push mirror runs after each push)." };
        var user = new Option<string>("--user") { Description = $"Login at the other server; its password or token is read from {PasswordVariable}." };
        var command = new Command("add", $"Add a mirror. The password ({PasswordVariable}) is kept sealed on the server. Administrators only.") { project, url, pull, push, every, user, server };
        command.SetAction(async (result, ct) =>
        {
            if (result.GetValue(pull) == result.GetValue(push)) throw new UsageException("Say --pull (this repository follows the other) or --push (the other follows this one).");
            using var client = Cli.Connect(result, server);
            var mirror = new NewMirror(result.GetValue(pull) ? "pull" : "push", result.GetValue(url)!, result.GetValue(user), Environment.GetEnvironmentVariable(PasswordVariable), result.GetValue(every) is { } interval ? GcCommand.Seconds("--every", interval) : null);
            Console.WriteLine((await client.CreateMirrorAsync(result.GetValue(project)!, mirror, ct)).Id);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List()
    {
        var server = Cli.ServerOption();
        var project = new Argument<string>("project");
        var command = new Command("list", "List the mirrors of a project, and how they do.") { project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            Output.Table(["ID", "DIRECTION", "ADDRESS", "LAST GOOD RUN", "STATE"], (await client.ListMirrorsAsync(result.GetValue(project)!, ct)).Select(m => new[]
            {
                m.Id, m.Direction, m.Url, m.LastOkMs is { } ok ? Output.Time(ok) : "never", m.LastError is { } error ? error.Split('\n')[0] : m.LastMs is null ? "waiting" : "ok",
            }));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Sync()
    {
        var server = Cli.ServerOption();
        var (project, id) = (new Argument<string>("project"), new Argument<string>("id"));
        var command = new Command("sync", "Run a mirror now. Exit code 4 when it failed.") { project, id, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            return (await client.SyncMirrorAsync(result.GetValue(project)!, result.GetValue(id)!, ct)).LastError is { } error ? Cli.Fail(error, ExitCode.Infrastructure) : ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Remove()
    {
        var server = Cli.ServerOption();
        var (project, id) = (new Argument<string>("project"), new Argument<string>("id"));
        var command = new Command("remove", "Remove a mirror; both repositories stay as they are. Administrators only.") { project, id, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await client.DeleteMirrorAsync(result.GetValue(project)!, result.GetValue(id)!, ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
