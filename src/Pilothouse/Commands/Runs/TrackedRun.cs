using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Client.Runs;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Runs;

/// <param name="Outputs">Files and directories that are stored when the command has ended.</param>
/// <param name="SystemInterval">Between two samples of CPU, memory, disk, network and GPUs.</param>
internal sealed record RunRequest(RunOptions Options, IReadOnlyList<string> Outputs, TimeSpan SystemInterval)
{
    /// <summary>Variables of the command, beside those of this process.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>What the command reads, by digest; stored with the run.</summary>
    public RunInputs? Inputs { get; init; }
}

/// <summary>
/// One command as a run. A server that is away, at the start or in the middle, costs nothing: everything is kept on disk and sent when it is back. A training is worth more than its log:
/// whatever cannot be recorded is said on stderr, and the command goes on.
/// </summary>
internal sealed class TrackedRun(PilothouseClient client)
{
    /// <summary>Files stored for one --output; more is a mistake in the path.</summary>
    private const int MaxOutputFiles = 10_000;

    private const int NotStarted = 127;
    private readonly HashSet<string> _full = [];

    /// <summary>The run, once it has begun.</summary>
    public string? RunId { get; private set; }

    public async Task<int> ExecuteAsync(RunRequest request, CancellationToken ct)
    {
        await using var run = await client.StartRunAsync(request.Options, ct);
        Console.Error.WriteLine(run.Server is { } known ? $"pilothouse: run {known.Name} ({run.Id}) in experiment '{request.Options.Experiment}'" : $"pilothouse: run {run.Id} in experiment '{request.Options.Experiment}'");

        RunId = run.Id;
        if (request.Inputs is { Files.Count: > 0 } inputs) await TryAsync("the list of inputs", () => run.LogTextAsync(Output.ToJson(inputs), ReproductionTags.InputsFile, CancellationToken.None));

        // From here on nothing is cancelled: a signal goes to the command, and the run is recorded to its end.
        var (code, signal) = await RunChildAsync(run, request);
        foreach (var output in request.Outputs) await TryAsync($"the output {output}", () => StoreOutputAsync(run, output));
        await TryAsync("the exit code", () =>
        {
            run.SetTag(RunTags.ExitCode, code.ToString(CultureInfo.InvariantCulture));
            return Task.CompletedTask;
        });
        var outcome = code == 0 && signal == 0 ? RunOutcome.Finished : ChildProcess.DiedBySignal(code) || signal != 0 ? RunOutcome.Killed : RunOutcome.Failed;
        await TryAsync("the end of the run", () => run.EndAsync(outcome, Reason(code, signal)));
        Console.Error.WriteLine($"pilothouse: run {run.Server?.Name ?? run.Id} {outcome.ToString().ToLowerInvariant()} (exit code {code})");
        return code;
    }

    /// <summary>What is in the buffers is sent; exit code 4 when something had to stay.</summary>
    public static async Task<int> SyncAsync(string? buffer, Func<string, PilothouseClient?> connect, CancellationToken ct)
    {
        var (sent, kept) = (0, 0);
        await foreach (var result in RunSync.SendAsync(buffer, connect, Warn, TimeProvider.System, ct))
        {
            Console.WriteLine(result.State switch
            {
                SyncState.Sent => $"{result.RunId}: sent" + (result.Refused > 0 ? $", {result.Refused} entries refused" : ""),
                SyncState.Live => $"{result.RunId}: still runs, and sends by itself",
                _ => $"{result.RunId}: kept in {result.Directory}: {result.Reason}",
            });
            if (result.State == SyncState.Sent) sent++;
            if (result.State == SyncState.Kept) kept++;
        }
        Console.WriteLine($"{sent} sent, {kept} kept");
        return kept == 0 ? ExitCode.Ok : ExitCode.Infrastructure;
    }

    private async Task<(int Code, int Signal)> RunChildAsync(ActiveRun run, RunRequest request)
    {
        var words = request.Options.Command!;
        try
        {
            using var child = ChildProcess.Start(words, Variables(run, request), (stream, bytes) => Take(run, stream, bytes));
            run.StartSampling(child.Id, request.SystemInterval);
            return (await child.WaitAsync(), child.Received);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (Cli.Fail($"'{words[0]}' could not be started: {e.Message}. Check the name and PATH.", NotStarted), 0);
        }
    }

    /// <summary>MLflow code inside the command logs to this run, a nested <c>pilothouse run</c> below it, and spans of the command become one trace with the run's id.</summary>
    private Dictionary<string, string> Variables(ActiveRun run, RunRequest request)
    {
        var experiment = request.Options.Experiment;
        var server = client.Server.ToString().TrimEnd('/');
        var variables = new Dictionary<string, string>(request.Variables) { ["PILOTHOUSE_URL"] = server, ["PILOTHOUSE_RUN_ID"] = run.Id, ["MLFLOW_TRACKING_URI"] = server, ["MLFLOW_RUN_ID"] = run.Id };
        if (run.Server is { } known) variables["MLFLOW_EXPERIMENT_ID"] = known.ExperimentId;
        else variables["MLFLOW_EXPERIMENT_NAME"] = experiment;
        if (Environment.GetEnvironmentVariable("TRACEPARENT") is null) variables["TRACEPARENT"] = $"00-{run.Id}-{run.Id[16..]}-01";
        if (Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN") is { Length: > 0 } token) variables["PILOTHOUSE_TOKEN"] = variables["MLFLOW_TRACKING_TOKEN"] = token;
        return variables;
    }

    private void Take(ActiveRun run, string stream, ReadOnlySpan<byte> bytes)
    {
        if (_full.Contains(stream)) return;
        try
        {
            run.AppendLog(stream, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _full.Add(stream);
            Warn($"from here on {stream} is not recorded: {e.Message}");
        }
    }

    private static async Task StoreOutputAsync(ActiveRun run, string output)
    {
        if (File.Exists(output))
        {
            await run.LogArtifactAsync(output, $"outputs/{Path.GetFileName(output)}", CancellationToken.None);
            return;
        }
        if (!Directory.Exists(output)) throw new IOException($"{output} is neither a file nor a directory");
        var root = Path.GetFullPath(output);
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Take(MaxOutputFiles + 1).ToList();
        if (files.Count > MaxOutputFiles) throw new IOException($"{output} holds more than {MaxOutputFiles} files; name a smaller directory");
        foreach (var file in files.Order(StringComparer.Ordinal)) await run.LogArtifactAsync(file, $"outputs/{Path.GetRelativePath(root, file).Replace('\\', '/')}", CancellationToken.None);
    }

    private static string? Reason(int code, int signal) => signal != 0 ? $"signal {signal} ({Name(signal)}) to pilothouse, passed on; exit code {code}"
        : ChildProcess.DiedBySignal(code) ? $"signal {code - 128} ({Name(code - 128)})"
        : code != 0 ? $"exit code {code}" : null;

    private static string Name(int signal) => signal switch { 1 => "SIGHUP", 2 => "SIGINT", 3 => "SIGQUIT", 4 => "SIGILL", 6 => "SIGABRT", 7 => "SIGBUS", 8 => "SIGFPE", 9 => "SIGKILL", 11 => "SIGSEGV", 13 => "SIGPIPE", 15 => "SIGTERM", _ => "signal" };

    private static async Task TryAsync(string what, Func<Task> store)
    {
        try
        {
            await store();
        }
        catch (Exception e) when (e is PilothouseApiException or IOException or HttpRequestException or UnauthorizedAccessException)
        {
            Warn($"{what} could not be recorded: {e.Message}");
        }
    }

    private static void Warn(string text) => Console.Error.WriteLine("pilothouse: " + text);
}
