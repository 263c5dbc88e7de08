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
internal sealed record CiRunOptions(string Repository, string Commit, Uri Server, string? Project, IReadOnlyList<string> PassedVariables, bool Keep);

/// <summary>Runs the steps of one job in a clean checkout, and leaves its result and what it keeps in a folder.</summary>
internal sealed class JobSteps(CiRunOptions options, TextWriter output)
{
    private const long MaxOutput = 32 * 1024 * 1024;

    public async Task<CiJobResult> RunAsync(string name, string folder, CancellationToken ct)
    {
        var token = Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN");
        var log = new StepLog(output, [.. options.PassedVariables.Select(Environment.GetEnvironmentVariable).Append(token).OfType<string>()], MaxOutput);
        Directory.CreateDirectory(folder);
        using var checkout = await Checkout.MakeAsync(options.Repository, options.Commit, options.Keep, ct);
        if (options.Keep) log.Write("checkout: " + checkout.Folder);
        var project = await CheckCommand.LoadAsync(Path.Combine(checkout.Folder, CheckCommand.FileName), ct);
        if (!project.Ci.TryGetValue(name, out var job)) throw new UsageException($"pilothouse.yaml has no job '{name}' under ci.");
        if (job.Runner != CiJobEntry.BuiltIn) throw new UsageException($"'{name}' runs on the connected system '{job.Runner}': pilothouse ci start {job.Runner}");
        if (!Checkout.IsAddress(options.Repository) && job.Steps.Any(s => s.Suites is not null)) await Checkout.SubmitAsync(options.Repository, options.Server, options.Project ?? project.Project, checkout.Commit, ct);
        using var timeout = new CancellationTokenSource(job.Timeout);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        var (state, error, steps) = ("success", (string?)null, new List<CiStepResult>());
        foreach (var step in job.Steps)
        {
            log.Write($"=== {name}: {step.Title}");
            var (clock, number) = (Stopwatch.GetTimestamp(), steps.Count + 1);
            var code = await StepProcess.RunAsync(Command(step, project, checkout, folder, number), checkout.Folder, Variables(step, project, checkout, job, token), log, end.Token);
            ct.ThrowIfCancellationRequested();
            (state, error) = Judge(step, code, job.Timeout);
            steps.Add(new CiStepResult(step.Title, state, code, Stopwatch.GetElapsedTime(clock).TotalSeconds));
            log.Write(string.Create(CultureInfo.InvariantCulture, $"--- {state} after {steps[^1].Seconds:0.0} s{(error is null ? "" : ": " + error)}"));
            if (state != "success") break;
        }
        KeptFiles.Copy(checkout.Folder, job.JUnit, Path.Combine(folder, "junit"));
        KeptFiles.Copy(checkout.Folder, job.Artifacts, Path.Combine(folder, "artifacts"));
        var counts = KeptFiles.Count(Path.Combine(folder, "junit"));
        var result = new CiJobResult(name, checkout.Commit, state, error, counts?.Tests, counts?.Failures, steps);
        await File.WriteAllTextAsync(Path.Combine(folder, CiJobResult.FileName), JsonSerializer.Serialize(result, PilothouseClient.Json), ct);
        return result;
    }

    private static (string State, string? Error) Judge(CiStepEntry step, int? code, TimeSpan timeout) => (code, step.Suites) switch
    {
        (0, _) => ("success", null),
        (null, _) => ("failure", $"'{step.Title}' was killed: the job took longer than {Duration.Format(timeout)}."),
        (ExitCode.Usage or ExitCode.Infrastructure, not null) => ("error", $"'{step.Title}' could not run (exit code {code})."),
        (ExitCode.Inconclusive, not null) => ("failure", $"'{step.Title}' reached no verdict: inconclusive, or not comparable."),
        _ => ("failure", $"'{step.Title}' failed with exit code {code}."),
    };

    private IReadOnlyList<string> Command(CiStepEntry step, ProjectFile project, Checkout checkout, string folder, int number)
    {
        if (step.Run is { } text) return StepProcess.Shell(text);
        string File(string kind, string extension) => Path.Combine(folder, kind, string.Create(CultureInfo.InvariantCulture, $"suites-{number}.{extension}"));
        return [.. Executable(), "test", "--project", options.Project ?? project.Project, "--commit", checkout.Commit, "--junit", File("junit", "xml"), "--markdown", File("artifacts", "md"), "--html", File("artifacts", "html"),
            .. step.Suites!.SelectMany(s => new[] { "--suite", s })];
    }

    /// <summary>A command of the repository gets no token: whoever may push a commit is not thereby allowed what the server may.</summary>
    private Dictionary<string, string> Variables(CiStepEntry step, ProjectFile project, Checkout checkout, CiJobEntry job, string? token)
    {
        var variables = checkout.Environment(options.PassedVariables);
        foreach (var (name, value) in job.Environment) variables[name] = value;
        variables["CI"] = "true";
        variables["PILOTHOUSE_PROJECT"] = options.Project ?? project.Project;
        variables["PILOTHOUSE_COMMIT"] = checkout.Commit;
        variables["PILOTHOUSE_REF"] = Environment.GetEnvironmentVariable("PILOTHOUSE_CI_REF") ?? "";
        variables["PILOTHOUSE_URL"] = options.Server.ToString().TrimEnd('/');
        if (step.Suites is not null && token is not null) variables["PILOTHOUSE_TOKEN"] = token;
        return variables;
    }

    private static IReadOnlyList<string> Executable() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "pilothouse.dll")] : [Environment.ProcessPath!];
}
