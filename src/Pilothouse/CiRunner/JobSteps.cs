using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Commands;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.CiRunner;

/// <summary>What all jobs of one call share.</summary>
/// <param name="Repository">A path, or an http address.</param>
/// <param name="PassedVariables">Names of variables that the steps get too; their values are masked.</param>
/// <param name="User">As whom commands run; null = as this process.</param>
internal sealed record CiRunOptions(string Repository, string Commit, Uri Server, string? Project, IReadOnlyList<string> PassedVariables, bool Keep, JobUser? User);

/// <summary>Runs the steps of one job in a clean checkout, and leaves its result and what it keeps in a folder.</summary>
internal sealed class JobSteps(CiRunOptions options, TextWriter output)
{
    private const long MaxOutput = 32 * 1024 * 1024;

    public async Task<CiJobResult> RunAsync(string name, string folder, CancellationToken ct)
    {
        var token = Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN");
        var log = new StepLog(output, [.. options.PassedVariables.Select(Environment.GetEnvironmentVariable).Append(token).OfType<string>()], MaxOutput);
        Directory.CreateDirectory(folder);
        try
        {
            return await RunAsync(name, folder, token, log, ct);
        }
        catch (IOException e)
        {
            // The result says why, also where nobody reads what this process writes.
            log.Write("--- error: " + e.Message);
            return await EndAsync(folder, new CiJobResult(name, options.Commit, "error", e.Message, null, null, []), ct);
        }
    }

    private async Task<CiJobResult> RunAsync(string name, string folder, string? token, StepLog log, CancellationToken ct)
    {
        using var checkout = await Checkout.MakeAsync(options.Repository, options.Commit, options.Keep, ct);
        var project = await checkout.ProjectAsync(ct);
        if (!project.Ci.TryGetValue(name, out var job)) throw new UsageException($"pilothouse.yaml has no job '{name}' under ci.");
        if (job.Runner != CiJobEntry.BuiltIn) throw new UsageException($"'{name}' runs on the connected system '{job.Runner}': pilothouse ci start {job.Runner}");
        var isAddress = Checkout.IsAddress(options.Repository);
        var large = await new LargeFiles(checkout.Folder, isAddress ? null : Path.GetFullPath(options.Repository), options.Server, options.Project ?? project.Project).ResolveAsync(ct);
        if (large.Files > 0) log.Write($"{large.Files} large file(s) from Git LFS, {large.Bytes} bytes");
        if (!isAddress && job.Steps.Any(s => s.Suites is not null)) await Checkout.SubmitAsync(options.Repository, options.Server, options.Project ?? project.Project, checkout.Commit, ct);
        if (options.User is { } user) await checkout.HandOverAsync(user, alone: job.Steps.All(s => s.Run is not null), ct);
        if (options.Keep) log.Write("checkout: " + checkout.CommandFolder);
        using var timeout = new CancellationTokenSource(job.Timeout);
        await using var watch = new LimitWatch(job.Memory, job.Cpu);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token, watch.Token);
        var (state, error, steps) = ("success", (string?)null, new List<CiStepResult>());
        foreach (var step in job.Steps)
        {
            log.Write($"=== {name}: {step.Title}");
            var (clock, number) = (Stopwatch.GetTimestamp(), steps.Count + 1);
            var code = await RunAsync(step, Variables(name, step, project, checkout, job, token), checkout, () => Own(step, project, checkout, folder, number), log, end.Token);
            ct.ThrowIfCancellationRequested();
            if (code == 0 && step.Sync && options.User is not null) await options.User.BringAsync(checkout.Folder, checkout.CommandFolder, ct);
            (state, error) = Judge(step, code, watch.Reason, job.Timeout);
            steps.Add(new CiStepResult(step.Title, state, code, Stopwatch.GetElapsedTime(clock).TotalSeconds));
            log.Write(string.Create(CultureInfo.InvariantCulture, $"--- {state} after {steps[^1].Seconds:0.0} s{(error is null ? "" : ": " + error)}"));
            if (state != "success") break;
        }
        if (job.Memory is not null || job.Cpu is not null) log.Write(string.Create(CultureInfo.InvariantCulture, $"used {(job.Memory is null ? "" : $"at most {ByteSize.Format(watch.PeakBytes)} of memory, ")}{watch.CpuSeconds:0.0} s of processor time"));
        KeptFiles.Copy(checkout.CommandFolder, job.JUnit, Path.Combine(folder, "junit"), options.User?.Id);
        KeptFiles.Copy(checkout.CommandFolder, job.Artifacts, Path.Combine(folder, "artifacts"), options.User?.Id);
        var counts = KeptFiles.Count(Path.Combine(folder, "junit"));
        return await EndAsync(folder, new CiJobResult(name, checkout.Commit, state, error, counts?.Tests, counts?.Failures, steps), ct);
    }

    /// <summary>For the server, which shows a result and not what this process writes: a job that could not begin.</summary>
    public static Task RefusedAsync(string name, string commit, string folder, string why, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        return EndAsync(folder, new CiJobResult(name, commit, "error", why, null, null, []), ct);
    }

    private static async Task<CiJobResult> EndAsync(string folder, CiJobResult result, CancellationToken ct)
    {
        await File.WriteAllTextAsync(Path.Combine(folder, CiJobResult.FileName), JsonSerializer.Serialize(result, PilothouseClient.Json), ct);
        return result;
    }

    private static (string State, string? Error) Judge(CiStepEntry step, int? code, string? exceeded, TimeSpan timeout) => (code, step.Run is null) switch
    {
        (0, _) => ("success", null),
        (null, _) when exceeded is not null => ("failure", $"'{step.Title}' was killed: {exceeded}."),
        (null, _) => ("failure", $"'{step.Title}' was killed: the job took longer than {Duration.Format(timeout)}."),
        (ExitCode.Usage or ExitCode.Infrastructure, true) => ("error", $"'{step.Title}' could not run (exit code {code})."),
        (ExitCode.Stale, true) => ("error", $"'{step.Title}' could not run: pilothouse.lock is stale. Run 'pilothouse lock', commit it and push."),
        (ExitCode.Budget, true) => ("failure", $"'{step.Title}' reached no verdict: stopped by its budget."),
        (ExitCode.Inconclusive, true) => ("failure", $"'{step.Title}' reached no verdict: inconclusive, or not comparable."),
        _ => ("failure", $"'{step.Title}' failed with exit code {code}."),
    };

    private Task<int?> RunAsync(CiStepEntry step, Dictionary<string, string> variables, Checkout checkout, Func<IReadOnlyList<string>> own, StepLog log, CancellationToken ct)
    {
        if (step.Run is not { } text) return StepProcess.RunAsync(own(), checkout.Folder, variables, "", log, ct);
        if (options.User is not { } user) return StepProcess.RunAsync(StepProcess.Shell(text), checkout.Folder, variables, "", log, ct);
        var (command, input) = user.Shell(text, variables);
        return StepProcess.RunAsync(command, checkout.CommandFolder, new Dictionary<string, string> { ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "" }, input, log, ct);
    }

    /// <summary>A step that is no command of the repository.</summary>
    private IReadOnlyList<string> Own(CiStepEntry step, ProjectFile project, Checkout checkout, string folder, int number)
    {
        if (step.Sync) return [.. Executable(), "sync"];
        string File(string kind, string extension) => Path.Combine(folder, kind, string.Create(CultureInfo.InvariantCulture, $"suites-{number}.{extension}"));
        return [.. Executable(), "test", "--project", options.Project ?? project.Project, "--commit", checkout.Commit, "--junit", File("junit", "xml"), "--markdown", File("artifacts", "md"), "--html", File("artifacts", "html"),
            .. step.Suites!.SelectMany(s => new[] { "--suite", s })];
    }

    /// <summary>A command of the repository gets no token: whoever may push a commit is not thereby allowed what the server may.</summary>
    private Dictionary<string, string> Variables(string name, CiStepEntry step, ProjectFile project, Checkout checkout, CiJobEntry job, string? token)
    {
        var isCommand = step.Run is not null;
        var variables = checkout.Environment(options.PassedVariables, isCommand);
        // Where commands have a user of their own, variables that load code (LD_PRELOAD, DOTNET_STARTUP_HOOKS) must not bring it to the token.
        if (isCommand || options.User is null)
            foreach (var (variable, value) in job.Environment) variables[variable] = value;
        variables["CI"] = "true";
        variables["PILOTHOUSE_PROJECT"] = options.Project ?? project.Project;
        variables["PILOTHOUSE_COMMIT"] = checkout.Commit;
        variables["PILOTHOUSE_CI_JOB"] = name;
        variables["PILOTHOUSE_REF"] = Environment.GetEnvironmentVariable("PILOTHOUSE_CI_REF") ?? "";
        variables["PILOTHOUSE_URL"] = options.Server.ToString().TrimEnd('/');
        if (!isCommand && token is not null) variables["PILOTHOUSE_TOKEN"] = token;
        return variables;
    }

    private static IReadOnlyList<string> Executable() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "pilothouse.dll")] : [Environment.ProcessPath!];
}
