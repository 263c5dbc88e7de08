using System.CommandLine;
using Pilothouse.Lfs;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse lfs install | uninstall | remove | removed</c>, and <c>pilothouse lfs-agent</c>, which git-lfs runs.</summary>
internal static class LfsCommand
{
    /// <summary>Name of the way of transfer, in git's configuration and on the wire.</summary>
    private const string Transfer = "lfs.customtransfer.pilothouse";

    public static Command Create() => new("lfs", "Large files in Git: transfers by stock git-lfs that resume, run in parallel, and leave out what the server has.") { Install(), Uninstall(), Remove(), Removed() };

    /// <summary>Spoken to by git-lfs in lines of JSON; not for people.</summary>
    public static Command CreateAgent()
    {
        var command = new Command("lfs-agent", "The custom transfer agent that git-lfs runs (see 'pilothouse lfs install').") { Hidden = true };
        command.SetAction(async (_, ct) =>
        {
            using var agent = new LfsAgent(Console.In, Console.Out);
            await agent.RunAsync(ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Install()
    {
        var local = LocalOption("Only for the repository of the working directory (default: for this user).");
        var path = new Option<string>("--path") { Description = "The program that git-lfs is to run (default: this one)." };
        var command = new Command("install", "Make git-lfs transfer by Pilothouse wherever the remote is a Pilothouse server; with any other server nothing changes. Runs 'git lfs install' too.") { local, path };
        command.SetAction(async (result, ct) =>
        {
            var scope = result.GetValue(local) ? "--local" : "--global";
            var program = result.GetValue(path) ?? Environment.ProcessPath ?? "pilothouse";
            await LocalGit.RequireAsync(ct, "config", scope, Transfer + ".path", program);
            await LocalGit.RequireAsync(ct, "config", scope, Transfer + ".args", "lfs-agent");
            await LocalGit.RequireAsync(ct, "config", scope, Transfer + ".concurrent", "true");
            await LocalGit.RequireAsync(ct, "config", scope, Transfer + ".direction", "both");
            await LocalGit.RequireAsync(ct, result.GetValue(local) ? ["lfs", "install", "--local"] : ["lfs", "install"]);
            Console.WriteLine($"git-lfs transfers by {program} from now on. Take it back with: pilothouse lfs uninstall{(result.GetValue(local) ? " --local" : "")}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Uninstall()
    {
        var local = LocalOption("Only of the repository of the working directory.");
        var command = new Command("uninstall", "Let git-lfs transfer by itself again. Its own hooks and filters stay.") { local };
        command.SetAction(async (result, ct) =>
        {
            var scope = result.GetValue(local) ? "--local" : "--global";
            if (await LocalGit.TryAsync(null, ct, "config", scope, "--get", Transfer + ".path") is not null) await LocalGit.RequireAsync(ct, "config", scope, "--remove-section", Transfer);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Remove()
    {
        var server = Cli.ServerOption();
        var (project, oid) = (new Argument<string>("project"), new Argument<string>("oid") { Description = "Id of the object: the 64 hex digits of its SHA-256 (git lfs ls-files --long)." });
        var why = new Option<string>("--why") { Description = "Why; whoever asks for the object is told, and it stands in the audit log.", Required = true };
        var force = new Option<bool>("--force") { Description = "Also when a branch or tag has it: checkouts of it will lack the file." };
        var command = new Command("remove", "Take an object away from a project for good, such as personal data that was committed by mistake. Refused while a release or deployment stands on a commit that has it. Administrators only.") { project, oid, why, force, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var removed = await client.RemoveLfsObjectAsync(result.GetValue(project)!, result.GetValue(oid)!, result.GetValue(why)!, result.GetValue(force), ct);
            Console.WriteLine($"{removed.Oid} ({removed.Size} bytes) removed from {removed.Project}; downloads are answered with 410. pilothouse blobs gc frees the content when nothing else names it.");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Removed()
    {
        var server = Cli.ServerOption();
        var project = new Argument<string>("project");
        var json = Output.JsonOption();
        var command = new Command("removed", "Objects that were taken away: who did it, when and why.") { project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var removed = await client.ListRemovedLfsObjectsAsync(result.GetValue(project)!, ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(removed));
            else Output.Table(["OBJECT", "SIZE", "WHEN", "BY", "WHY"], removed.Select(r => new[] { r.Oid, $"{r.Size}", Output.Time(r.RemovedMs), r.RemovedBy, r.Reason }));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Option<bool> LocalOption(string description) => new("--local") { Description = description };
}
