using System.CommandLine;
using Pilothouse.Protocols.Ci;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci connect|disconnect|list|start|runs</c>: builds that the server starts on CI systems.</summary>
internal static class CiConnectCommand
{
    private const string SecretVariable = "PILOTHOUSE_CI_SECRET";
    private const string HookVariable = "PILOTHOUSE_CI_WEBHOOK_SECRET";

    public static IEnumerable<Command> All() => [Connect(), Disconnect(), List(), Start(), Runs()];

    private static Command Connect()
    {
        var (server, name) = (Cli.ServerOption(), new Argument<string>("name") { Description = "Of the connection." });
        var (project, _) = ProjectContext.Options();
        var system = new Option<string>("--system") { Description = string.Join(", ", CiSystems.Names) + "; gitea for statuses only.", Required = true };
        system.AcceptOnlyFromAmong([.. CiSystems.Names, "gitea"]);
        var target = new Option<string>("--target") { Description = "Jenkins: path of the job (folder/job); CircleCI: project slug (gh/org/repo); Travis, GitHub, Gitea: owner/repo; GitLab: id or path of the project.", Required = true };
        var url = new Option<string>("--url") { Description = "Address of the system (default: its public one; Jenkins has none)." };
        var user = new Option<string>("--user") { Description = "Jenkins: whose API token it is." };
        var branch = new Option<string>("--ref") { Description = "Branch to build there (default: the one that was pushed)." };
        var branches = new Option<string[]>("--branch") { Description = "Only pushes to this branch or pattern start a build (may be repeated; default: all)." };
        var registry = new Option<bool>("--on-registry") { Description = "A new version of a model or prompt starts a build too." };
        var statuses = new Option<bool>("--statuses") { Description = "Tell statuses of commits there too (github, gitlab, gitea), for a repository that is mirrored." };
        var noBuilds = new Option<bool>("--no-builds") { Description = "Start no builds there." };
        var command = new Command("connect", $"Start builds on a CI system at each push to the hosted repository, hear from it how they go, tell it statuses. The credential comes from {SecretVariable}, else from standard input; the secret with which the system signs its webhooks from {HookVariable}. The server keeps both sealed and never shows them. Needs the role admin.")
            { name, system, target, url, user, branch, branches, registry, statuses, noBuilds, project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var at = await ProjectContext.ProjectAsync(result, project, ct);
            var secret = Environment.GetEnvironmentVariable(SecretVariable) ?? (await Console.In.ReadLineAsync(ct))?.Trim() ?? throw new UsageException($"No credential: set {SecretVariable}, or give it on standard input.");
            var made = await client.ConnectCiAsync(at, result.GetValue(name)!, new NewCiConnection(result.GetValue(system)!, result.GetValue(target)!, secret, result.GetValue(url), result.GetValue(user), result.GetValue(branch), result.GetValue(branches), result.GetValue(registry),
                Environment.GetEnvironmentVariable(HookVariable), !result.GetValue(noBuilds) && result.GetValue(system) != "gitea", result.GetValue(statuses)), ct);
            Console.WriteLine($"{made.Name}: {made.System} {made.Url} {made.Target}. {(made.Builds ? $"Try it: pilothouse ci start {made.Name}" : "It gets the statuses of commits.")}");
            if (made.Webhook is { } hook) Console.WriteLine($"Webhooks of {made.System} go to {new Uri(client.Server, hook)}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Disconnect()
    {
        var (server, name) = (Cli.ServerOption(), new Argument<string>("name") { Description = "Of the connection." });
        var (project, _) = ProjectContext.Options();
        var command = new Command("disconnect", "Remove a connection and its credential. Builds under way there go on, and are no longer followed. Needs the role admin.") { name, project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await client.DisconnectCiAsync(await ProjectContext.ProjectAsync(result, project, ct), result.GetValue(name)!, ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List()
    {
        var server = Cli.ServerOption();
        var (project, _) = ProjectContext.Options();
        var json = Output.JsonOption();
        var command = new Command("list", "CI systems that the server starts builds on.") { project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var connections = await client.ListCiConnectionsAsync(await ProjectContext.ProjectAsync(result, project, ct), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(connections));
            else if (connections.Count == 0) Console.WriteLine("None. Make one with: pilothouse ci connect NAME --system ... --target ...");
            else Output.Table(["NAME", "SYSTEM", "TARGET", "BUILDS OF", "STATUSES", "WEBHOOKS", "URL"], connections.Select(c => (string[])[c.Name, c.System, c.Target, c.Builds ? string.Join(' ', c.Branches) : "-", c.Statuses ? c.StatusError ?? "told" : "-", c.Webhook is null ? "-" : "taken", c.Url]));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Start()
    {
        var (server, name) = (Cli.ServerOption(), new Argument<string>("name") { Description = "Of the connection." });
        var (project, _) = ProjectContext.Options();
        var revision = new Option<string>("--revision") { Description = "Commit of the hosted repository that gets the status (default: head of the default branch)." };
        var command = new Command("start", "Start a build by hand.") { name, revision, project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var build = await client.StartCiBuildAsync(await ProjectContext.ProjectAsync(result, project, ct), result.GetValue(name)!, result.GetValue(revision), ct);
            Console.WriteLine($"{build.Id}: {build.State}. Follow it: pilothouse ci runs");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Runs()
    {
        var server = Cli.ServerOption();
        var (project, _) = ProjectContext.Options();
        var limit = new Option<int>("--limit") { Description = "How many, newest first.", DefaultValueFactory = _ => 20 };
        var json = Output.JsonOption();
        var command = new Command("runs", "Builds that the server started on CI systems, newest first, with what went wrong.") { limit, project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var builds = await client.ListCiBuildsAsync(await ProjectContext.ProjectAsync(result, project, ct), result.GetValue(limit), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(builds));
            else if (builds.Count == 0) Console.WriteLine("None yet.");
            else Output.Table(["BUILD", "CONNECTION", "CAUSE", "COMMIT", "STATE", "UPDATED", "WHERE, WHAT"], builds.Select(b => (string[])[b.Id, b.Connection, b.Cause, b.Commit?[..10] ?? "-", b.State, Output.Time(b.UpdatedMs), $"{b.Url} {b.Error}".Trim()]));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
