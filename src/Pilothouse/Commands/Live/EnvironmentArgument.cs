using System.CommandLine;

namespace Pilothouse.Commands.Live;

/// <summary>Which environment a verb means: <c>production</c> of the project at hand, or <c>PROJECT/production</c>.</summary>
internal sealed class EnvironmentArgument
{
    public Argument<string> Name { get; } = new("environment") { Description = "Name of the environment, or PROJECT/ENVIRONMENT." };

    public Option<string> Project { get; } = new("--project") { Description = "Project (default: that of ./pilothouse.yaml)." };

    public async Task<(string Project, string Environment)> ReadAsync(ParseResult result, CancellationToken ct)
    {
        var name = result.GetValue(Name)!;
        if (name.Split('/') is [{ Length: > 0 } project, { Length: > 0 } environment]) return (project, environment);
        if (result.GetValue(Project) is { } given) return (given, name);
        if (!File.Exists(CheckCommand.FileName)) throw new UsageException($"Which project? Write PROJECT/{name}, add --project PROJECT, or go to the folder of its {CheckCommand.FileName}.");
        return ((await CheckCommand.LoadAsync(CheckCommand.FileName, ct)).Project, name);
    }
}
