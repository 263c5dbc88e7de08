using System.CommandLine;
using System.Globalization;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse fairness</c>: the fairness checks of a commit alone; <c>test</c> runs them too.</summary>
internal static class FairnessCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var (project, commit) = ProjectContext.Options();
        var checks = new Option<string[]>("--check") { Description = "Run only this check (may be repeated)." };
        var junit = new Option<FileInfo>("--junit") { Description = "Write JUnit XML here." };
        var markdown = new Option<FileInfo>("--markdown") { Description = "Write a Markdown report here." };
        var html = new Option<FileInfo>("--html") { Description = "Write a self-contained HTML report here." };
        var command = new Command("fairness", "Run the fairness checks. Exit code 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 infrastructure.") { project, commit, checks, junit, markdown, html, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var context = await ProjectContext.FindAsync(result, project, commit, ct);
            var names = result.GetValue(checks) ?? [];
            var report = await client.RunFairnessAsync(new NewFairnessReport(context.Project, context.Commit, names.Length == 0 ? null : names), ct);
            Print(report);
            await ReportFiles.WriteAsync(result.GetValue(junit), () => JUnitReport.Write(null, [], report), ct);
            await ReportFiles.WriteAsync(result.GetValue(markdown), () => MarkdownReport.Write(null, report), ct);
            await ReportFiles.WriteAsync(result.GetValue(html), () => HtmlReport.Write(null, [], report), ct);
            return report.Verdict switch
            {
                "PASS" => ExitCode.Ok,
                "FAIL" => ExitCode.Failed,
                _ => ExitCode.Inconclusive,
            };
        }, guarded: true);
        return command;
    }

    internal static void Print(FairnessReport report)
    {
        foreach (var check in report.Checks)
        {
            Console.WriteLine();
            Console.WriteLine($"fairness {check.Name}: {check.Model}, {check.Method}");
            foreach (var f in check.Figures)
                Console.WriteLine($"  {f.Verdict,-12} {f.Metric,-32} {F(f.Value)}  [{F(f.Lower)}, {F(f.Upper)}]{(f.Limit is { } limit ? $"  limit {F(limit)}" : "")}");
            Console.WriteLine($"  {check.Verdict}: {check.Reason}");
        }
        Console.WriteLine();
        Console.WriteLine($"fairness {report.Verdict}");
        if (report.Digest is { } digest) Console.WriteLine($"evidence: {digest}");
    }

    private static string F(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
