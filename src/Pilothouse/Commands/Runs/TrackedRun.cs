using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Commands.Runs;

/// <param name="Words">The command and its arguments.</param>
internal sealed record RunRequest(string Experiment, string? Name, IReadOnlyList<MlflowTag> Tags, IReadOnlyList<string> Outputs, IReadOnlyList<string> Words);

/// <summary>
/// One command as a run. The server must be there at the start; when it goes away later the command goes on, and what could not be recorded is said on stderr:
/// a training is worth more than its log.
/// </summary>
internal sealed class TrackedRun(PilothouseClient client, TimeProvider time)
{
    /// <summary>Files stored for one --output; more is a mistake in the path.</summary>
    private const int MaxOutputFiles = 10_000;

    private const int NotStarted = 127;
    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(2);

    public async Task<int> ExecuteAsync(RunRequest request, CancellationToken ct)
    {
        var git = await GitState.ReadAsync(Environment.CurrentDirectory, ct);
        var experiment = await client.EnsureExperimentAsync(request.Experiment, ct);
        var run = await client.CreateRunAsync(experiment, request.Name, Environment.UserName, NowMs(), Tags(request, git), ct);
        Console.Error.WriteLine($"pilothouse: run {run.RunName} ({run.RunId}) in experiment '{request.Experiment}'");

        // From here on nothing is cancelled: a signal goes to the command, and the run is recorded to its end.
        var logs = Directory.CreateTempSubdirectory("pilothouse-run-");
        try
        {
            await TryAsync("the code and environment", () => StoreStartAsync(run, request, git));
            var code = await RunChildAsync(run, request, logs.FullName);
            foreach (var log in logs.GetFiles().OrderBy(f => f.Name)) await TryAsync(log.Name, () => StoreFileAsync(run, log.FullName, $"logs/{log.Name}"));
            foreach (var output in request.Outputs) await TryAsync($"the output {output}", () => StoreOutputAsync(run, output));
            var status = code == 0 ? "FINISHED" : ChildProcess.DiedBySignal(code) ? "KILLED" : "FAILED";
            await TryAsync("the exit code", () => client.LogBatchAsync(run.RunId!, [], [], [new MlflowTag("pilothouse.exitCode", code.ToString(CultureInfo.InvariantCulture))], CancellationToken.None));
            await TryAsync("the end of the run", () => client.UpdateRunAsync(run.RunId!, status, NowMs(), CancellationToken.None));
            Console.Error.WriteLine($"pilothouse: run {run.RunName} {status.ToLowerInvariant()} (exit code {code})");
            return code;
        }
        finally
        {
            logs.Delete(recursive: true);
        }
    }

    private async Task<int> RunChildAsync(MlflowRunInfo run, RunRequest request, string logs)
    {
        var variables = new Dictionary<string, string>
        {
            ["PILOTHOUSE_URL"] = client.Server.ToString().TrimEnd('/'),
            ["PILOTHOUSE_RUN_ID"] = run.RunId!,
            ["MLFLOW_TRACKING_URI"] = client.Server.ToString().TrimEnd('/'),
            ["MLFLOW_RUN_ID"] = run.RunId!,
            ["MLFLOW_EXPERIMENT_ID"] = run.ExperimentId!,
        };
        if (Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN") is { Length: > 0 } token) variables["PILOTHOUSE_TOKEN"] = variables["MLFLOW_TRACKING_TOKEN"] = token;
        try
        {
            using var child = ChildProcess.Start(request.Words, variables, logs);
            using var ended = new CancellationTokenSource();
            var sampling = SampleAsync(run.RunId!, child.Id, ended.Token);
            var code = await child.WaitAsync();
            await ended.CancelAsync();
            await sampling;
            return code;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return Cli.Fail($"'{request.Words[0]}' could not be started: {e.Message}. Check the name and PATH.", NotStarted);
        }
    }

    private async Task SampleAsync(string runId, int pid, CancellationToken ended)
    {
        var tree = new ProcessTree(pid);
        using var timer = new PeriodicTimer(SampleInterval, time);
        try
        {
            for (long step = 0; ; step++)
            {
                if (tree.Sample(Stopwatch.GetTimestamp()) is { } usage)
                {
                    var now = NowMs();
                    MlflowMetric Metric(string key, double value) => new() { Key = key, Value = value, Timestamp = now, Step = step };
                    await TryAsync("CPU and memory", () => client.LogBatchAsync(runId, [Metric("system/cpu_percent", usage.CpuPercent), Metric("system/memory_megabytes", usage.MemoryMegabytes),
                        Metric("system/processes", usage.Processes)], [], [], CancellationToken.None));
                }
                await timer.WaitForNextTickAsync(ended);
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The command has ended.
        }
    }

    private async Task StoreStartAsync(MlflowRunInfo run, RunRequest request, GitState? git)
    {
        await StoreAsync(run, "environment.json", JsonSerializer.SerializeToUtf8Bytes(HostEnvironment.Describe(request.Words), PilothouseClient.Json));
        if (git is { Diff.Length: > 0 }) await StoreAsync(run, "git/diff.patch", git.Diff);
        if (git is { Untracked.Length: > 0 }) await StoreAsync(run, "git/untracked.txt", Encoding.UTF8.GetBytes(git.Untracked));
    }

    private async Task StoreOutputAsync(MlflowRunInfo run, string output)
    {
        if (File.Exists(output))
        {
            await StoreFileAsync(run, output, $"outputs/{Path.GetFileName(output)}");
            return;
        }
        if (!Directory.Exists(output)) throw new IOException($"{output} is neither a file nor a directory");
        var root = Path.GetFullPath(output);
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Take(MaxOutputFiles + 1).ToList();
        if (files.Count > MaxOutputFiles) throw new IOException($"{output} holds more than {MaxOutputFiles} files; name a smaller directory");
        foreach (var file in files.Order(StringComparer.Ordinal)) await StoreFileAsync(run, file, $"outputs/{Path.GetRelativePath(root, file).Replace('\\', '/')}");
    }

    private async Task StoreFileAsync(MlflowRunInfo run, string file, string path)
    {
        await using var content = File.OpenRead(file);
        await client.UploadArtifactAsync(run.ArtifactUri!, path, content, CancellationToken.None);
    }

    private Task StoreAsync(MlflowRunInfo run, string path, byte[] content) => client.UploadArtifactAsync(run.ArtifactUri!, path, new MemoryStream(content), CancellationToken.None);

    private static List<MlflowTag> Tags(RunRequest request, GitState? git)
    {
        var command = string.Join(' ', request.Words.Select(w => w.Length == 0 || w.Any(char.IsWhiteSpace) ? $"'{w}'" : w));
        List<MlflowTag> tags = [new("mlflow.user", Environment.UserName), new("mlflow.source.name", command), new("mlflow.source.type", "JOB"), new("pilothouse.command", command), new("pilothouse.host", Environment.MachineName)];
        if (git is not null)
        {
            tags.Add(new("mlflow.source.git.commit", git.Commit));
            tags.Add(new("mlflow.source.git.branch", git.Branch));
            tags.Add(new("pilothouse.git.dirty", git.IsDirty ? "true" : "false"));
            if (git.Remote.Length > 0) tags.Add(new("mlflow.source.git.repoURL", git.Remote));
        }
        tags.AddRange(request.Tags);
        return tags;
    }

    private static async Task TryAsync(string what, Func<Task> store)
    {
        try
        {
            await store();
        }
        catch (Exception e) when (e is PilothouseApiException or IOException or HttpRequestException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"pilothouse: {what} could not be recorded: {e.Message}");
        }
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
