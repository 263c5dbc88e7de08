using System.CommandLine;
using Pilothouse.Protocols.Locks;
using Pilothouse.Workspace;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse add PATH ...</c>: large data without Git.</summary>
internal static class AddCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var paths = new Argument<string[]>("path") { Description = "Files and folders.", Arity = ArgumentArity.OneOrMore };
        var remove = new Option<bool>("--remove") { Description = "Track them no longer: they leave the lock and .gitignore, and stay on this disk." };
        var command = new Command("add", "Store files and folders on the server by their digest, pin them in pilothouse.lock, and keep them out of Git. Unchanged files are neither read nor sent again.") { paths, remove, server };
        command.SetAction(async (result, ct) =>
        {
            var tree = WorkTree.Find(".");
            var file = await tree.LockAsync(ct) ?? LockFile.Empty;
            using var client = Cli.Connect(result, server);
            var adder = new Adder(tree, ContentCache.Default(), client, TimeProvider.System, await ProjectAsync(tree, ct));
            foreach (var path in result.GetValue(paths)!.Select(tree.Relative))
            {
                file = result.GetValue(remove) ? await RemoveAsync(tree, file, path, ct) : await AddAsync(tree, adder, file, path, ct);
                // After each: what is uploaded and written is not lost when the next one fails.
                await tree.WriteLockAsync(file, ct);
            }
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary>Whose quota the files count for; a pilothouse.yaml with faults is no reason not to add.</summary>
    private static async Task<string?> ProjectAsync(WorkTree tree, CancellationToken ct)
    {
        try
        {
            return File.Exists(Path.Combine(tree.Root, CheckCommand.FileName)) ? (await tree.ProjectAsync(ct)).Project : null;
        }
        catch (UsageException)
        {
            return null;
        }
    }

    private static async Task<LockFile> AddAsync(WorkTree tree, Adder adder, LockFile file, string path, CancellationToken ct)
    {
        if (file.TrackerOf(path) is { } around && around.Name != path) throw new UsageException($"{path} is inside of the tracked folder {around.Name}. Add that: pilothouse add {around.Name}");
        var (after, added) = await adder.AddAsync(file, path, text => Console.Error.WriteLine(text), ct);
        await tree.IgnoreAsync([path], ct);
        Console.WriteLine($"{(added.IsChanged ? "added" : "unchanged")} {added.Entry.Title}: {LockDiff.What(added.Entry)} ({added.Read} read, {added.Sent} sent, {LockDiff.Bytes(added.SentBytes)})");
        return after;
    }

    private static async Task<LockFile> RemoveAsync(WorkTree tree, LockFile file, string path, CancellationToken ct)
    {
        var entry = file.Find(LockKind.File, path) ?? file.Find(LockKind.Folder, path) ?? throw new UsageException($"{path} is not tracked. Tracked are: {string.Join(", ", file.Entries.Where(e => e.Kind is LockKind.File or LockKind.Folder).Select(e => e.Name).Take(20))}");
        await tree.UnignoreAsync(path, ct);
        var index = StatIndex.Load(tree.IndexPath);
        // Else the next sync would take it for something that the lock has given up, and remove it.
        foreach (var known in index.Entries.Keys.Where(k => k == path || k.StartsWith(path + "/", StringComparison.Ordinal)).ToList()) index.Forget(known);
        if (index.IsChanged) index.Save(tree.IndexPath, TimeProvider.System.GetUtcNow());
        Console.WriteLine($"no longer tracked: {entry.Title}");
        return file.Without(entry);
    }
}
