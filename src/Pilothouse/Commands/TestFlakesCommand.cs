using System.CommandLine;
using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse test flakes</c>: cases whose verdict flickers between evaluations of the same target, and what to write to set them aside.</summary>
internal static class TestFlakesCommand
{
    /// <summary>Days of the proposed quarantine.</summary>
    private const int Days = 14;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var (project, _) = ProjectContext.Options();
        var suite = new Option<string>("--suite") { Description = "Only of this suite." };
        var json = Output.JsonOption();
        var command = new Command("flakes", "List the cases whose verdict flipped at least twice, and in at least 10 % of the latest 20 evaluations of the same target that asked anew, and propose a quarantine for them. They count until it stands in pilothouse.yaml.") { project, suite, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var flaky = await client.ListFlakyCasesAsync(await ProjectContext.ProjectAsync(result, project, ct), result.GetValue(suite), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(flaky));
            else Print(flaky);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static void Print(IReadOnlyList<FlakySuite> suites)
    {
        if (suites.Count == 0) Console.WriteLine("No case flickers, as far as evaluations of the same target tell.");
        var until = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(Days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        foreach (var one in suites)
        {
            Console.WriteLine($"{one.Suite}: {one.Cases.Count} flaky cases of {one.Model}, by evaluation {one.EvaluationId}");
            foreach (var c in one.Cases) Console.WriteLine(FormattableString.Invariant($"  {c.Case,-24} right in {c.Right} of {c.Runs} runs, {c.Flips} flips (rate {c.FlipRate:0.00})"));
            Console.WriteLine($"They count. To set them aside while somebody looks at them, add to suites.{one.Suite} in pilothouse.yaml, with the name of who does:");
            Console.WriteLine("    quarantine:");
            foreach (var c in one.Cases) Console.WriteLine(FormattableString.Invariant($"      - {{ case: {Quoted(c.Case)}, until: {until}, owner: NAME, reason: \"{c.Flips} flips in {c.Runs} runs\" }}"));
        }
    }

    private static string Quoted(string id) => id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && id.Any(char.IsAsciiLetter) ? id : System.Text.Json.JsonSerializer.Serialize(id);
}
