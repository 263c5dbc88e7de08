using System.CommandLine;
using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse blobs put | usage | quota | gc | scrub</c>.</summary>
internal static class BlobsCommand
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    public static Command Create() => new("blobs", "The content store: upload, usage by project, quotas, garbage collection, integrity.") { Put(), Usage(), Quota(), Gc(), Scrub() };

    private static Command Put()
    {
        var server = Cli.ServerOption();
        var files = new Argument<FileInfo[]>("file") { Description = "Files to upload.", Arity = ArgumentArity.OneOrMore };
        var project = new Option<string>("--project") { Description = "Project whose quota the files count for." };
        var json = Output.JsonOption();
        var command = new Command("put", "Upload files; prints their digests. Resumes what was cut, and sends of weight files only the tensors that the server lacks.") { files, project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var uploaded = await UploadReport.RunAsync(options => client.UploadFilesAsync([.. result.GetValue(files)!.Select(f => f.FullName)], options with { Project = result.GetValue(project) }, ct), r => r);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(uploaded));
            else foreach (var file in uploaded) Console.WriteLine($"{file.Digest}  {file.Path}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Usage()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var command = new Command("usage", "What projects keep, and what the store takes.") { json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var usage = await client.GetBlobUsageAsync(ct);
            if (result.GetValue(json))
            {
                Console.WriteLine(Output.ToJson(usage));
                return ExitCode.Ok;
            }
            if (usage.Projects.Count > 0)
                Output.Table(["PROJECT", "BLOBS", "SIZE", "QUOTA"], usage.Projects.Select(p => new[] { p.Project ?? "-", $"{p.Blobs}", UploadReport.Bytes(p.Bytes), p.QuotaBytes is { } q ? UploadReport.Bytes(q) : "-" }));
            Console.WriteLine($"{usage.Blobs} blobs of {UploadReport.Bytes(usage.Bytes)} take {UploadReport.Bytes(usage.StoredBytes)}; named by nothing: {UploadReport.Bytes(usage.Unnamed)} (parts of others, or garbage).");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Quota()
    {
        var server = Cli.ServerOption();
        var project = new Argument<string>("project") { Description = "Name of the project." };
        var size = new Argument<string>("size") { Description = "How much it may keep: 500GB, 2TB, a number of bytes, or none." };
        var command = new Command("quota", "Limit what a project may keep. Uploads for it beyond that are refused. Needs the role admin.") { project, size, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var bytes = Bytes(result.GetValue(size)!);
            await client.SetBlobQuotaAsync(result.GetValue(project)!, bytes, ct);
            Console.WriteLine($"{result.GetValue(project)}: {(bytes is { } b ? UploadReport.Bytes(b) : "no limit")}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Gc()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var yes = new Option<bool>("--yes") { Description = "Do it. Without this only what would go is shown." };
        var grace = new Option<string>("--grace") { Description = "Keep what was stored or looked for in this time; at least an hour.", DefaultValueFactory = _ => "24h" };
        var command = new Command("gc", "Delete every blob that nothing names: in no text of the database, no release or manifest, no other content. Needs the role admin.") { yes, grace, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var report = await client.CollectBlobsAsync(new BlobGarbageRequest(!result.GetValue(yes), GcCommand.Seconds("--grace", result.GetValue(grace)!)), ct);
            if (result.GetValue(json))
            {
                Console.WriteLine(Output.ToJson(report));
                return ExitCode.Ok;
            }
            Console.WriteLine($"{(report.DryRun ? "Would delete" : "Deleted")} {report.Deleted} blobs, {UploadReport.Bytes(report.Bytes)}. Needed: {report.Needed}. Within the time of grace: {report.Recent}. Abandoned uploads forgotten: {report.Uploads}.");
            if (report.DryRun) Console.WriteLine("Nothing was changed. Run it again with --yes to do it.");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Scrub()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var rate = new Option<double>("--rate") { Description = "At most so many MB/s; 0 = as fast as it goes.", DefaultValueFactory = _ => 100 };
        var status = new Option<bool>("--status") { Description = "Start nothing; show the one that runs, or the last one." };
        var command = new Command("scrub", "Read everything and compare it with its digest; list what is damaged, and what is named but missing. Exit code 1 when there is something. Needs the role admin.") { rate, status, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var report = result.GetValue(status) ? await client.GetScrubAsync(ct) : await RunAsync(client, result.GetValue(rate), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(report));
            else Print(report);
            return report.FaultCount > 0 ? ExitCode.Failed : ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static async Task<ScrubReport> RunAsync(PilothouseClient client, double rate, CancellationToken ct)
    {
        var report = await client.StartScrubAsync(new ScrubRequest(rate), ct);
        while (report.State == "running")
        {
            await Task.Delay(Poll, ct);
            report = await client.GetScrubAsync(ct);
        }
        return report;
    }

    private static void Print(ScrubReport report)
    {
        if (report.Faults.Count > 0) Output.Table(["DIGEST", "FAULT", "DETAIL"], report.Faults.Select(f => new[] { f.Digest, f.Kind, f.Detail }));
        Console.WriteLine($"Scrub {report.State}, begun {Output.Time(report.StartedMs)}: {report.Blobs} blobs, {UploadReport.Bytes(report.Bytes)} read; {(report.FaultCount == 0 ? "nothing damaged, nothing missing" : $"{report.FaultCount} damaged or missing")}.");
    }

    /// <summary><c>500GB</c>, <c>1.5TB</c>, <c>1000000</c>, <c>none</c>.</summary>
    internal static long? Bytes(string text)
    {
        if (text == "none") return null;
        string[] units = ["TB", "GB", "MB", "kB", "B"];
        var unit = Array.Find(units, u => text.EndsWith(u, StringComparison.OrdinalIgnoreCase));
        var factor = unit switch { "TB" => 1e12, "GB" => 1e9, "MB" => 1e6, "kB" => 1e3, _ => 1.0 };
        var number = unit is null ? text : text[..^unit.Length];
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value * factor < 9e18
            ? (long)(value * factor)
            : throw new UsageException($"'{text}' is not a size. Write it like 500GB, 2TB, 1000000 (bytes) or none.");
    }
}
