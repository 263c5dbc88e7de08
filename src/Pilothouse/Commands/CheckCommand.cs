using System.CommandLine;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse check</c>: validates pilothouse.yaml and the files it names, offline.</summary>
internal static class CheckCommand
{
    public const string FileName = "pilothouse.yaml";

    public static Command Create()
    {
        var path = new Argument<string>("path") { Description = "The file, or the folder it is in.", DefaultValueFactory = _ => "." };
        var command = new Command("check", "Check pilothouse.yaml: every fault with its line, key and remedy. Exit code 2 when there is any.") { path };
        command.SetAction(async (result, ct) =>
        {
            var file = result.GetValue(path)!;
            if (Directory.Exists(file)) file = Path.Combine(file, FileName);
            var project = await LoadAsync(file, ct);
            var faults = MissingFiles(project, Path.GetDirectoryName(Path.GetFullPath(file))!).ToList();
            if (faults.Count > 0) return Report(file, faults);
            Console.WriteLine($"{file}: OK ({project.Models.Count} models, {project.Suites.Count} suites, {project.Fairness.Count} fairness checks, {project.Environments.Count} environments)");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary>Reads a project file; its faults become the message of the exception.</summary>
    public static Task<ProjectFile> LoadAsync(string file, CancellationToken ct) => LoadAsync(file, file, ct);

    /// <param name="shown">What messages call the file: one in a temporary folder means nothing to its reader.</param>
    public static async Task<ProjectFile> LoadAsync(string file, string shown, CancellationToken ct)
    {
        if (!File.Exists(file)) throw new UsageException($"{shown} does not exist. Make one with: pilothouse init");
        var result = ProjectFileReader.Parse(await File.ReadAllTextAsync(file, ct));
        return result.File ?? throw new UsageException($"{result.Faults.Count} fault(s)\n" + string.Join('\n', result.Faults.Select(f => $"{shown}:{f}")));
    }

    /// <summary>Files that the project file names and that are not there.</summary>
    private static IEnumerable<ProjectFault> MissingFiles(ProjectFile project, string root)
    {
        foreach (var (name, data) in project.Data)
            if (data.Path is { } path && !File.Exists(Path.Combine(root, path)))
                yield return new ProjectFault(data.Source.Line, data.Source.Column, $"data.{name}.path", $"'{path}' does not exist.", "Add the file, or correct the path.");
        foreach (var (name, suite) in project.Suites)
            foreach (var scorer in suite.Scorers)
                foreach (var file in scorer.SchemaPath is { } schema ? [.. scorer.Files, schema] : scorer.Files)
                    if (!File.Exists(Path.Combine(root, file)))
                        yield return new ProjectFault(suite.Source.Line, suite.Source.Column, $"suites.{name}.scorers", $"'{file}' of the scorer '{scorer.Name}' does not exist.", "Add the file, or correct the path.");
        foreach (var (name, suite) in project.Suites)
            if (suite.Promptfoo is { } config && !File.Exists(Path.Combine(root, config)))
                yield return new ProjectFault(suite.Source.Line, suite.Source.Column, $"suites.{name}.promptfoo", $"'{config}' does not exist.", "Add the file, or correct the path.");
        foreach (var (name, model) in project.Models)
            if (model.Prompt is { } prompt && !File.Exists(Path.Combine(root, prompt)))
                yield return new ProjectFault(model.Source.Line, model.Source.Column, $"models.{name}.prompt", $"'{prompt}' does not exist.", "Add the file, or correct the path.");
    }

    private static int Report(string file, List<ProjectFault> faults)
    {
        foreach (var fault in faults) Console.Error.WriteLine($"{file}:{fault}");
        return Cli.Fail($"{faults.Count} fault(s)", ExitCode.Usage);
    }
}
