using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse project protect | unprotect | protection</c>.</summary>
internal static class ProtectCommand
{
    public static Command Protect()
    {
        var server = Cli.ServerOption();
        var (project, branch) = (new Argument<string>("project"), new Argument<string>("branch") { Description = "Name of a branch, or a pattern such as release/*." });
        var force = new Option<bool>("--allow-force") { Description = "It may be moved to a commit that does not have the old one among its ancestors." };
        var deletion = new Option<bool>("--allow-deletion") { Description = "It may be deleted." };
        var only = new Option<string[]>("--only") { Description = "Login that may push to it, or @admins; may be repeated (default: everyone who may write)." };
        var checks = new Option<string[]>("--require") { Description = "Check that must have succeeded on a commit before the branch takes it, such as ci/jenkins; may be repeated. The required jobs of pilothouse.yaml count anyway. An administrator may push past them with -o ci.override=REASON." };
        var command = new Command("protect", "Protect a branch: it only goes forward, stays, takes pushes only of those named, and only commits whose checks are green. Administrators only.") { project, branch, force, deletion, only, checks, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await client.SetBranchRuleAsync(result.GetValue(project)!, new BranchRuleInfo(result.GetValue(branch)!, result.GetValue(force), result.GetValue(deletion), result.GetValue(only) ?? [], RequiredChecks: result.GetValue(checks) ?? []), ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    public static Command Unprotect()
    {
        var server = Cli.ServerOption();
        var (project, branch) = (new Argument<string>("project"), new Argument<string>("branch") { Description = "The branch or pattern as it was protected." });
        var command = new Command("unprotect", "Take the protection of a branch away. Administrators only.") { project, branch, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await client.RemoveBranchRuleAsync(result.GetValue(project)!, result.GetValue(branch)!, ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    public static Command Show()
    {
        var server = Cli.ServerOption();
        var project = new Argument<string>("project");
        var command = new Command("protection", "Show which branches are protected, and how.") { project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            Output.Table(["BRANCH", "FORCE", "DELETION", "WHO MAY PUSH", "CHECKS", "SET BY"], (await client.ListBranchRulesAsync(result.GetValue(project)!, ct)).Select(r => new[]
            {
                r.Pattern!, r.AllowForce ? "allowed" : "refused", r.AllowDeletion ? "allowed" : "refused", r.Pushers is { Count: > 0 } who ? string.Join(", ", who) : "everyone who may write", r.RequiredChecks is { Count: > 0 } checks ? string.Join(", ", checks) : "-", r.UpdatedBy.Length > 0 ? r.UpdatedBy : "default",
            }));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
