using System.CommandLine;
using Pilothouse.Protocols.Locks;
using Pilothouse.Workspace;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse sync</c>: the tree exactly as the lock says.</summary>
internal static class SyncCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var mode = new Option<LinkMode>("--link-mode") { Description = "How content comes out of the cache: reflink (shares blocks), hardlink (no space, read-only), copy; auto takes the first that the file system can do.", DefaultValueFactory = _ => LinkMode.Auto };
        var force = new Option<bool>("--force") { Description = "Overwrite and remove files that were changed here." };
        var parallel = new Option<int>("--jobs", "-j") { Description = "Downloads at a time, 1 to 64.", DefaultValueFactory = _ => 8 };
        parallel.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int>() is < 1 or > 64) r.AddError("--jobs must be between 1 and 64.");
        });
        var json = Output.JsonOption();
        var command = new Command("sync", "Make the tracked files, folders and checkouts of this directory what pilothouse.lock says: each is fetched once, verified, and put into place whole. "
            + "Files that were changed here are never lost: then nothing is done, and they are named.") { mode, force, parallel, json, server };
        command.SetAction(async (result, ct) =>
        {
            var tree = WorkTree.Find(".");
            var file = await tree.RequireLockAsync(ct);
            using var client = Cli.Connect(result, server);
            var report = await new Syncer(tree, ContentCache.Default(), client, TimeProvider.System)
                .RunAsync(file, new SyncOptions(result.GetValue(mode), result.GetValue(force), result.GetValue(parallel)), text => Console.Error.WriteLine(text), ct);
            if (result.GetValue(json))
            {
                Console.WriteLine(Output.ToJson(report));
                return ExitCode.Ok;
            }
            foreach (var kept in report.Kept) Console.WriteLine($"kept {kept}");
            var ways = report.Ways.Count == 0 ? "" : $" ({string.Join(", ", report.Ways.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => $"{w.Value} by {w.Key}"))})";
            Console.WriteLine($"{report.Placed} placed{ways}, {report.Removed} removed, {report.Unchanged} as they were, {LockDiff.Bytes(report.Fetched)} fetched.");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
