using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse gc</c>.</summary>
internal static partial class GcCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var yes = new Option<bool>("--yes") { Description = "Do it. Without this only what would go is shown." };
        var olderThan = new Option<string>("--older-than") { Description = "Only what was deleted at least this long ago: 30d, 12h, 1d2h3m4s.", DefaultValueFactory = _ => "0d" };
        var grace = new Option<string>("--grace") { Description = "Keep a file that nothing names any more this long, for clients that are about to name it.", DefaultValueFactory = _ => "24h" };
        var runs = new Option<string[]>("--run") { Description = "Only this run (repeatable)." };
        var experiments = new Option<string[]>("--experiment") { Description = "Only this experiment (repeatable)." };
        var models = new Option<string[]>("--logged-model") { Description = "Only this logged model (repeatable)." };
        var command = new Command("gc", "Remove deleted experiments, runs and logged models for good, with their metrics and files.") { yes, olderThan, grace, runs, experiments, models, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var report = await client.CollectGarbageAsync(new GarbageRequest
            {
                DryRun = !result.GetValue(yes),
                OlderThanSeconds = Seconds("--older-than", result.GetValue(olderThan)!),
                GraceSeconds = Seconds("--grace", result.GetValue(grace)!),
                RunIds = result.GetValue(runs) is { Length: > 0 } r ? r : null,
                ExperimentIds = result.GetValue(experiments) is { Length: > 0 } e ? e : null,
                ModelIds = result.GetValue(models) is { Length: > 0 } m ? m : null,
            }, ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(report));
            else Print(report);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static void Print(GarbageReport report)
    {
        if (report.Items.Count > 0) Output.Table(["KIND", "ID", "DELETED", "FILES", "BYTES", "NAME"], report.Items.Select(i => new[] { i.Kind, i.Id, Output.Time(i.DeletedMs), Number(i.Files), Number(i.FileBytes), i.Name }));
        var total = report.Experiments + report.Runs + report.Models;
        if (total > report.Items.Count) Console.WriteLine($"... and {total - report.Items.Count} more");
        foreach (var held in report.Held) Console.WriteLine($"Stays: {held.Kind} {held.Id} ({held.Name}): {held.By} stands on it.");
        Console.WriteLine($"{(report.DryRun ? "Would remove" : "Removed")}: {report.Experiments} experiments, {report.Runs} runs, {report.Models} logged models, {report.Files} files ({Number(report.FileBytes)} bytes), {report.Uploads} abandoned uploads.");
        Console.WriteLine($"{(report.DryRun ? "Would free" : "Freed")} on disk: {report.Blobs.Deleted} blobs, {Number(report.Blobs.Bytes)} bytes. Still needed by others: {report.Blobs.Needed}. Waiting for the time of grace: {report.Blobs.Waiting}.");
        if (report.DryRun) Console.WriteLine("Nothing was changed. Run it again with --yes to do it.");
        else if (report.More) Console.WriteLine("There is more: run it again.");
    }

    /// <summary><c>1d2h3m4s</c> as MLflow's gc writes it; any of the parts may be left out.</summary>
    internal static long Seconds(string option, string text)
    {
        var match = Duration().Match(text);
        if (text.Length == 0 || !match.Success) throw new UsageException($"{option} '{text}' is not a duration. Write days, hours, minutes and seconds like 30d or 1d2h3m4s.");
        long Of(string name) => match.Groups[name].Success ? long.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture) : 0;
        return ((Of("d") * 24 + Of("h")) * 60 + Of("m")) * 60 + Of("s");
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\A(?:(?<d>\d{1,6})d)?(?:(?<h>\d{1,6})h)?(?:(?<m>\d{1,6})m)?(?:(?<s>\d{1,9})s)?\z")]
    private static partial Regex Duration();
}
