using System.CommandLine;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse project create | list | protect | unprotect | protection | mirror | maintain</c>.</summary>
internal static class ProjectCommand
{
    public static Command Create() => new("project", "Projects and their hosted Git repositories.") { CreateProject(), List(), ProtectCommand.Protect(), ProtectCommand.Unprotect(), ProtectCommand.Show(), MirrorCommand.Create(), Maintain() };

    private static Command CreateProject()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Lower-case letters, digits and hyphens." };
        var command = new Command("create", "Create a project with its repository at /git/NAME.git.") { name, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var project = await client.CreateProjectAsync(result.GetValue(name)!, ct);
            Console.WriteLine($"Project {project.Name} is ready. Push to it:\n  git remote add pilothouse {new Uri(client.Server, project.GitUrl)}\n  git push pilothouse {project.DefaultBranch}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Maintain()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Name of the project." };
        var command = new Command("maintain", "Roll the packs of a repository up now; the server does it by itself after many pushes. Nothing is ever dropped. Administrators only.") { name, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var care = await client.MaintainRepositoryAsync(result.GetValue(name)!, ct);
            Console.WriteLine($"{care.Project}: {care.PacksBefore} packs and about {care.LooseBefore} loose objects became {care.PacksAfter} and {care.LooseAfter}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List()
    {
        var server = Cli.ServerOption();
        var command = new Command("list", "List the projects.") { server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            foreach (var project in await client.ListProjectsAsync(ct)) Console.WriteLine($"{project.Name}\t{new Uri(client.Server, project.GitUrl)}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
