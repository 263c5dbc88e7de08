using System.CommandLine;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci</c>: pipelines of CI systems.</summary>
internal static class CiCommand
{
    public static Command Create()
    {
        var command = new Command("ci", "Pipelines on Jenkins, CircleCI, Travis CI, GitHub Actions and GitLab CI: write, check, report, start, and run jobs here.") { CiInitCommand.Create(), CiLintCommand.Create(), CiStatusCommand.Create(), CiRunCommand.Create() };
        foreach (var verb in CiConnectCommand.All().Concat(CiJobsCommand.All())) command.Add(verb);
        return command;
    }
}
