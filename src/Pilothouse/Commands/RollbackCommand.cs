using System.CommandLine;
using Pilothouse.Commands.Live;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse rollback POINTER --reason R</c>: an environment, an alias or a stage.</summary>
internal static class RollbackCommand
{
    private const int ShownMoves = 50;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var environment = new EnvironmentArgument();
        environment.Name.Description = "An environment (or PROJECT/ENVIRONMENT), an alias (models:/NAME@ALIAS, prompts:/NAME@ALIAS) or a stage (models:/NAME/Production).";
        var reason = new Option<string>("--reason") { Description = "Why; stands in the history and the audit log. Asked for on a terminal." };
        var to = new Option<string>("--to") { Description = "An earlier state: a version, a release, or the id of a move from --history (default: the one before this)." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only show what would change." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask on a terminal." };
        var history = new Option<bool>("--history") { Description = "Show everything it ever pointed to, and change nothing." };
        var json = Output.JsonOption();
        var command = new Command("rollback", "Point an environment, an alias or a stage back at what it pointed to before, at once; what changes is shown first. A rollout under way is taken back.")
        {
            environment.Name, reason, to, dryRun, yes, history, json, environment.Project, server,
        };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var reference = await ReferenceAsync(result, environment, ct);
            if (result.GetValue(history)) return Show(await client.GetPointerAsync(reference, ct), result.GetValue(json));
            var plan = await client.PlanRollbackAsync(reference, result.GetValue(to), ct);
            if (result.GetValue(json) && result.GetValue(dryRun)) Console.WriteLine(Output.ToJson(plan));
            else if (!result.GetValue(json)) Print(plan);
            if (result.GetValue(dryRun)) return ExitCode.Ok;
            var asks = !Console.IsInputRedirected && !result.GetValue(yes);
            var why = result.GetValue(reason) ?? (asks ? Ask("Why? ") : null);
            if (string.IsNullOrWhiteSpace(why)) throw new UsageException("A rollback needs a reason: --reason \"...\".");
            if (asks && Ask("Roll back? [y/N] ") is not ("y" or "Y" or "yes")) return Cli.Fail("Nothing was changed.", ExitCode.Failed);
            var move = await client.RollbackAsync(new PointerRollback(reference, why, result.GetValue(to), plan.From), ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(move) : Done(plan, move));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static async Task<string> ReferenceAsync(ParseResult result, EnvironmentArgument environment, CancellationToken ct)
    {
        var given = result.GetValue(environment.Name)!;
        if (given.Contains(":/", StringComparison.Ordinal)) return given;
        var (project, name) = await environment.ReadAsync(result, ct);
        return $"{project}/{name}";
    }

    private static void Print(RollbackPlan plan)
    {
        Console.WriteLine(plan.Summary);
        foreach (var line in plan.Changes) Console.WriteLine("  " + line);
    }

    private static int Show(PointerHistory history, bool json)
    {
        if (json)
        {
            Console.WriteLine(Output.ToJson(history));
            return ExitCode.Ok;
        }
        Console.WriteLine($"{history.Reference} points to {Short(history.Current)}");
        Output.Table(["MOVE", "WHEN", "WHO", "KIND", "FROM", "TO", "WHY"], history.Moves.Take(ShownMoves).Select(m => new[] { m.Id, Output.Time(m.TimeMs), m.Actor, m.Kind, Short(m.From), Short(m.To), m.Reason ?? "" }));
        if (history.Moves.Count > ShownMoves) Console.WriteLine($"... and {history.Moves.Count - ShownMoves} more (--json)");
        return ExitCode.Ok;
    }

    /// <summary>An environment says what runs now, as it did before there were other pointers.</summary>
    private static string Done(RollbackPlan plan, PointerMove move) => move.Pointer.Contains(":/", StringComparison.Ordinal)
        ? $"{move.Pointer} -> {Short(move.To)} (was {Short(move.From)}); audit entry {move.AuditIndex}"
        : $"{move.Pointer} runs {Short(move.To)} ({(plan.From == plan.To ? "without the rollout that was under way" : $"instead of {Short(plan.From)}")}).";

    private static string Short(string? state) => state is null ? "nothing" : Figures.Short(state);

    private static string? Ask(string question)
    {
        Console.Error.Write(question);
        return Console.ReadLine()?.Trim();
    }
}
