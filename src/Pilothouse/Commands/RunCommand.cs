using System.CommandLine;
using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Client.Runs;
using Pilothouse.Commands.Runs;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse run -- CMD ...</c>: runs a command as a tracked run; <c>pilothouse run sync</c> sends what was kept while the server was away.</summary>
internal static class RunCommand
{
    private const double Gibibyte = 1024.0 * 1024 * 1024;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var buffer = BufferOption();
        var experiment = new Option<string>("--experiment", "-e") { Description = "Experiment of the run; created when there is none.", DefaultValueFactory = _ => "Default" };
        var name = new Option<string>("--name", "-n") { Description = "Name of the run (default: the server makes one up)." };
        var tag = new Option<string[]>("--tag", "-t") { Description = "Tag of the run, KEY=VALUE; may be repeated." };
        var output = new Option<string[]>("--output", "-o") { Description = "File or directory that the command writes; stored as artifacts when it ends. May be repeated." };
        var input = new Option<string[]>("--input", "-i") { Description = "File or directory that the command reads; its digest is recorded and its content kept on the server, so that the run can be repeated. May be repeated. Files of pilothouse.lock need not be named." };
        var seed = new Option<string>("--seed") { Description = "Seed of the run: recorded, and given to the command as PILOTHOUSE_SEED." };
        var system = Seconds("--system-interval", "Seconds between two samples of CPU, memory, disk, network and GPUs.", 10, 0.1, 3600);
        var heartbeat = Seconds("--heartbeat", "Seconds between two signs of life; after four missed ones the server marks the run as killed.", 10, 0.5, 600);
        var wait = Seconds("--wait", "Seconds to wait at the end for a server that is away; what is left is kept and sent later.", 30, 0, 86_400);
        var size = new Option<double>("--buffer-size") { Description = "GiB that all runs together may keep while the server is away.", DefaultValueFactory = _ => 4 };
        var words = new Argument<string[]>("command") { Description = "The command and its arguments, after --.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("run", "Run a command as a tracked run: commit and diff, environment and packages, output as it comes, system metrics, exit code. The exit code is the command's own. "
            + "When the server is away, all of it is kept on disk and sent later.") { experiment, name, tag, output, input, seed, system, heartbeat, buffer, size, wait, server, words, Sync() };
        command.SetAction(async (result, ct) =>
        {
            if (result.GetValue(words) is not { Length: > 0 } given) throw new UsageException("Which command? Write it after --, like: pilothouse run -- python train.py");
            using var client = Cli.Connect(result, server);
            var outputs = result.GetValue(output) ?? [];
            var seeded = result.GetValue(seed) ?? CapturedRun.SeedOf(given);
            var options = new RunOptions
            {
                Experiment = result.GetValue(experiment)!,
                Name = result.GetValue(name),
                Tags = CapturedRun.Tags((result.GetValue(tag) ?? []).Select(ParseTag), seeded, outputs),
                Nested = true,
                BufferDirectory = result.GetValue(buffer)?.FullName,
                MaxBufferBytes = (long)(result.GetValue(size) * Gibibyte),
                HeartbeatInterval = TimeSpan.FromSeconds(result.GetValue(heartbeat)),
                SystemMetricsInterval = null, // of the command, from its start on
                FlushTimeout = TimeSpan.FromSeconds(result.GetValue(wait)),
                Command = given,
            };
            var request = new RunRequest(options, outputs, TimeSpan.FromSeconds(result.GetValue(system)))
            {
                Variables = result.GetValue(seed) is { } own ? new Dictionary<string, string> { [CapturedRun.SeedVariable] = own } : new Dictionary<string, string>(),
                Inputs = await CapturedRun.InputsAsync(client, result.GetValue(input) ?? [], ct),
            };
            return await new TrackedRun(client).ExecuteAsync(request, ct);
        }, guarded: true);
        return command;
    }

    private static Command Sync()
    {
        var server = Cli.ServerOption();
        server.Description = "Address to send to (default: to each run's own).";
        var buffer = BufferOption();
        var command = new Command("sync", "Send the runs that were kept on disk while the server was away, in order and without duplicates. Exit code 4 when some had to stay.") { buffer, server };
        command.SetAction(async (result, ct) =>
        {
            var clients = new Dictionary<string, PilothouseClient>();
            try
            {
                return await TrackedRun.SyncAsync(result.GetValue(buffer)?.FullName, ClientOf, ct);
            }
            finally
            {
                foreach (var client in clients.Values) client.Dispose();
            }

            PilothouseClient ClientOf(string own)
            {
                var address = result.GetValue(server) ?? own;
                if (!clients.TryGetValue(address, out var client)) clients[address] = client = Cli.Connect(address);
                return client;
            }
        }, guarded: true);
        return command;
    }

    private static Option<DirectoryInfo> BufferOption() => new("--buffer") { Description = "Directory for what the server has not taken yet (default: PILOTHOUSE_BUFFER, else ~/.local/state/pilothouse)." };

    private static Option<double> Seconds(string name, string description, double standard, double min, double max)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is var given && !(given >= min && given <= max))
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} is {given}; it must be between {min} and {max} seconds."));
        });
        return option;
    }

    private static KeyValuePair<string, string> ParseTag(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? new(text[..equals], text[(equals + 1)..]) : throw new UsageException($"'{text}' is not a tag. Write --tag KEY=VALUE.");
    }
}
