using System.CommandLine;
using Pilothouse.Protocols.Ci;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci init SYSTEM</c>: writes its pipeline.</summary>
internal static class CiInitCommand
{
    public static Command Create()
    {
        var system = new Argument<string>("system") { Description = string.Join(", ", CiSystems.Names) + "." };
        system.AcceptOnlyFromAmong([.. CiSystems.Names]);
        var baseline = new Option<string>("--baseline") { Description = "Environment or revision that builds compare with; \"\" = only floors (default: the environment 'production', else the first that pilothouse.yaml has)." };
        var force = new Option<bool>("--force") { Description = "Write over files that are there and differ." };
        var command = new Command("init", "Write a pipeline that installs the command line from your server, runs suites, gates and fairness checks, publishes JUnit and reports, and tells the server the verdict.") { system, baseline, force };
        command.SetAction(async (result, ct) =>
        {
            var project = await CheckCommand.LoadAsync(CheckCommand.FileName, ct);
            var compare = result.GetValue(baseline) ?? (project.Environments.ContainsKey("production") ? "production" : project.Environments.Keys.FirstOrDefault());
            if (compare?.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/') == false) throw new UsageException($"'{compare}' is neither an environment nor a revision: use letters, digits, '-', '_', '.' and '/'.");
            var target = CiSystems.Parse(result.GetValue(system)!)!.Value;
            var files = CiFiles.For(target, project.Project, compare, CiFiles.SchedulesOf(project)).Select(f => (f.Path, f.Content, Old: File.Exists(f.Path) ? File.ReadAllText(f.Path) : null)).ToList();
            if (!result.GetValue(force) && files.Where(f => f.Old is not null && f.Old != f.Content).Select(f => f.Path).ToList() is { Count: > 0 } changed)
                throw new UsageException($"{string.Join(" and ", changed)} {(changed.Count == 1 ? "is" : "are")} there already and differ{(changed.Count == 1 ? "s" : "")}; nothing was written. Write over with --force.");
            foreach (var (path, content, old) in files)
            {
                if (old != content) await WriteAsync(path, content, ct);
                Console.WriteLine($"{(old == content ? "unchanged" : "wrote")} {path}");
            }
            Console.WriteLine("Set before the first build:");
            foreach (var secret in CiFiles.Secrets(target)) Console.WriteLine($"  {secret.Name,-17} {secret.What}\n  {"",-17} in {secret.Where}");
            Console.WriteLine("Then commit the files and push.");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static async Task WriteAsync(string path, string content, CancellationToken ct)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(path + ".new", content, ct);
        File.Move(path + ".new", path, overwrite: true);
    }
}
