using System.CommandLine;
using Pilothouse.CiRunner;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci run [JOB...]</c>: the built-in runner.</summary>
internal static class CiRunCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var names = new Argument<string[]>("job") { Description = "Jobs under ci: of pilothouse.yaml (default: all of the built-in runner).", Arity = ArgumentArity.ZeroOrMore };
        var commit = new Option<string>("--commit") { Description = "Commit to run (default: HEAD). What is not committed does not take part." };
        var repository = new Option<string>("--repository") { Description = "Path or http address of the repository (default: the one here)." };
        var project = new Option<string>("--project", "-p") { Description = "Project on the server (default: the one that pilothouse.yaml names)." };
        var folder = new Option<string>("--output") { Description = "Folder for results, JUnit files and artifacts; one folder a job (default: .pilothouse/ci)." };
        var variables = new Option<string[]>("--env") { Description = "Variable of this environment that the steps get too, masked in the log; may be repeated. Otherwise they get PATH, LANG, TZ and what pilothouse.yaml says." };
        var keep = new Option<bool>("--keep") { Description = "Leave the checkouts." };
        var user = new Option<string>("--as") { Description = "Unix user as whom commands of the repository run, in a checkout, home and temporary folder of that user, without supplementary groups, capabilities and the way back by setuid programs (Linux; this process must be root). Steps with a token stay with this process' user, in a checkout that commands cannot write." };
        var closed = new Option<string[]>("--closed") { Description = "Folder that the user of --as must not be able to enter; may be repeated.", Hidden = true };
        var check = new Option<bool>("--check") { Description = "Only see whether --as can be honoured.", Hidden = true };
        var only = new Option<bool>("--only") { Description = "Not what the jobs need; results directly in --output." };
        var command = new Command("run", "Run jobs of pilothouse.yaml here, as the server does: each in a clean checkout, with an environment of its own and a time limit after which all that it started is killed. Commands of the repository get no token. Exit code 0 all succeeded, 1 one failed, 4 one could not run.")
            { names, commit, repository, project, folder, variables, user, keep, only, closed, check, server };
        command.SetAction(async (result, ct) =>
        {
            async Task<JobUser?> FindUserAsync() => result.GetValue(user) is { } other ? await JobUser.FindAsync(other, result.GetValue(closed) ?? [], ct) : null;
            if (result.GetValue(check))
            {
                await FindUserAsync();
                return ExitCode.Ok;
            }
            Descendants.Adopt();
            var from = result.GetValue(repository) ?? Directory.GetCurrentDirectory();
            using var client = Cli.Connect(result, server);
            var options = new CiRunOptions(from, result.GetValue(commit) ?? "HEAD", client.Server, result.GetValue(project), result.GetValue(variables) ?? [], result.GetValue(keep), null);
            var output = Path.GetFullPath(result.GetValue(folder) ?? Path.Combine(".pilothouse", "ci"));
            if (!result.GetValue(only))
            {
                options = options with { User = await FindUserAsync() };
                return await AllAsync(options, new JobSteps(options, Console.Out), result.GetValue(names) ?? [], output, ct);
            }
            if (result.GetValue(names) is not [var single]) throw new UsageException("--only is for one job.");
            try
            {
                return CodeOf((await new JobSteps(options with { User = await FindUserAsync() }, Console.Out).RunAsync(single, output, ct)).State);
            }
            catch (UsageException e)
            {
                await JobSteps.RefusedAsync(single, options.Commit, output, e.Message, ct);
                throw;
            }
        }, guarded: true);
        return command;
    }

    private static async Task<int> AllAsync(CiRunOptions options, JobSteps steps, string[] names, string output, CancellationToken ct)
    {
        if (!Path.Exists(output)) Ignore(output);
        IReadOnlyDictionary<string, CiJobEntry> jobs;
        using (var checkout = await Checkout.MakeAsync(options.Repository, options.Commit, keep: false, ct)) jobs = (await checkout.ProjectAsync(ct)).Ci;
        if (names.FirstOrDefault(n => !jobs.ContainsKey(n)) is { } unknown) throw new UsageException($"pilothouse.yaml has no job '{unknown}' under ci{(jobs.Count == 0 ? "" : "; it has " + string.Join(", ", jobs.Keys))}.");
        var order = CiJobs.WithNeeds(jobs, names.Length > 0 ? names : jobs.Where(j => j.Value.Runner == CiJobEntry.BuiltIn).Select(j => j.Key));
        if (order.Count == 0) throw new UsageException("pilothouse.yaml has no jobs for the built-in runner. Write them under ci:.");
        var states = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in order)
        {
            if (jobs[name].Needs.FirstOrDefault(n => states.GetValueOrDefault(n) is not "success") is { } need) states[name] = $"skipped: it needs {need}";
            else if (jobs[name].Runner != CiJobEntry.BuiltIn) states[name] = $"skipped: it runs on {jobs[name].Runner}";
            else states[name] = (await steps.RunAsync(name, Path.Combine(output, name), ct)).State;
        }
        Output.Table(["JOB", "STATE"], order.Select(n => (string[])[n, states[n]]));
        return states.Values.Select(CodeOf).Max();
    }

    private static int CodeOf(string state) => state switch { "success" => ExitCode.Ok, "error" => ExitCode.Infrastructure, _ => ExitCode.Failed };

    /// <summary>Results are no part of the repository.</summary>
    private static void Ignore(string output)
    {
        Directory.CreateDirectory(output);
        File.WriteAllText(Path.Combine(output, ".gitignore"), "*\n");
    }
}
