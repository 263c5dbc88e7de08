using System.CommandLine;
using Pilothouse.Protocols.Locks;
using Pilothouse.Workspace;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse lock [--update NAME] | --check</c>, <c>lock diff</c>, <c>lock merge</c>.</summary>
internal static class LockCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var update = new Option<string[]>("--update") { Description = "Look up again what the alias of this model, and of its registered prompt, points to; without a name, of all models.", Arity = ArgumentArity.ZeroOrMore, AllowMultipleArgumentsPerToken = true };
        var check = new Option<bool>("--check") { Description = "Change nothing and ask no server; exit code 5 and a list of what is stale when the lock is not the one of this pilothouse.yaml and these files." };
        var command = new Command("lock", "Write pilothouse.lock: every digest that this project uses. What is pinned already is kept.") { update, check, server, Diff(), Merge() };
        command.SetAction(async (result, ct) =>
        {
            var tree = WorkTree.Find(".");
            if (result.GetValue(check)) return await CheckAsync(tree, ct);
            using var client = Cli.Connect(result, server);
            var project = await tree.ProjectAsync(ct);
            var before = await tree.LockAsync(ct);
            var names = result.GetResult(update) is null ? null : result.GetValue(update) ?? [];
            var after = await new LockResolver(tree, client).ResolveAsync(project, before ?? LockFile.Empty, names, ct);
            var changes = LockDiff.Between(before ?? LockFile.Empty, after);
            if (before is null || before.Digest != after.Digest || await File.ReadAllTextAsync(tree.LockPath, ct) != after.ToText()) await tree.WriteLockAsync(after, ct);
            await tree.IgnoreAsync(after.Entries.Select(e => e.Checkout).OfType<string>(), ct);
            Print(changes);
            Console.WriteLine(changes.Count == 0 ? $"{LockFile.FileName} is up to date ({after.Entries.Count} entries)." : $"wrote {LockFile.FileName}: {after.Entries.Count} entries, {changes.Count} changed. Commit it beside pilothouse.yaml.");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary>What does not fit, on stderr, with the command that mends it.</summary>
    private static async Task<int> CheckAsync(WorkTree tree, CancellationToken ct)
    {
        var project = await tree.ProjectAsync(ct);
        if (await tree.LockAsync(ct) is not { } file) return Cli.Fail($"there is no {LockFile.FileName}. Make it with: pilothouse lock", ExitCode.Stale);
        var stale = LockNeeds.Check(project, file, await TreeContents.ReadAsync(tree, project, file, ct));
        foreach (var entry in stale) Console.Error.WriteLine($"{LockFile.FileName}: {entry}");
        if (stale.Count > 0) return Cli.Fail($"{LockFile.FileName} is stale in {stale.Count} place(s). Mend it, and commit the result: pilothouse lock", ExitCode.Stale);
        Console.WriteLine($"{LockFile.FileName} is up to date ({file.Entries.Count} entries).");
        return ExitCode.Ok;
    }

    private static Command Diff()
    {
        var from = new Argument<string>("from") { Description = "Revision to compare from (default: HEAD).", Arity = ArgumentArity.ZeroOrOne };
        var to = new Argument<string>("to") { Description = "Revision to compare to (default: the lock in this directory).", Arity = ArgumentArity.ZeroOrOne };
        var json = Output.JsonOption();
        var command = new Command("diff", "What two locks pin differently, in words.") { from, to, json };
        command.SetAction(async (result, ct) =>
        {
            var tree = WorkTree.Find(".");
            var before = await AtAsync(tree, result.GetValue(from) ?? "HEAD", ct);
            var after = result.GetValue(to) is { } revision ? await AtAsync(tree, revision, ct) : await tree.LockAsync(ct) ?? LockFile.Empty;
            var changes = LockDiff.Between(before, after);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(changes.Select(c => new { kind = c.Kind, name = c.Name, change = c.Change, words = c.Words, before = c.Before?.Digest.ToString(), after = c.After?.Digest.ToString() })));
            else if (changes.Count == 0) Console.WriteLine("No difference.");
            else Print(changes);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Merge()
    {
        var ancestor = new Argument<FileInfo>("ancestor") { Description = "%O of a Git merge driver." };
        var ours = new Argument<FileInfo>("ours") { Description = "%A: also where the result is written." };
        var theirs = new Argument<FileInfo>("theirs") { Description = "%B." };
        var command = new Command("merge", "Merge driver for Git: takes each side's changes entry by entry; exit code 1 with marks around what both changed. "
            + "Enable it with: git config merge.pilothouse.driver 'pilothouse lock merge %O %A %B' and a line 'pilothouse.lock merge=pilothouse' in .gitattributes.") { ancestor, ours, theirs };
        command.SetAction(async (result, ct) =>
        {
            var locks = new List<LockFile>();
            foreach (var file in (FileInfo[])[result.GetValue(ancestor)!, result.GetValue(ours)!, result.GetValue(theirs)!])
            {
                var text = await File.ReadAllTextAsync(file.FullName, ct);
                locks.Add(string.IsNullOrWhiteSpace(text) ? LockFile.Empty : WorkTree.Parse(text, file.Name));
            }
            var merged = LockMerge.Merge(locks[0], locks[1], locks[2]);
            await File.WriteAllTextAsync(result.GetValue(ours)!.FullName, merged.Text, ct);
            foreach (var conflict in merged.Conflicts) Console.Error.WriteLine($"{LockFile.FileName}: both sides changed {conflict}");
            return merged.Conflicts.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
        }, guarded: true);
        return command;
    }

    internal static void Print(IReadOnlyList<LockChange> changes)
    {
        foreach (var change in changes) Console.WriteLine($"{change.Change switch { "added" => "+", "removed" => "-", _ => "~" }} {(change.After ?? change.Before)!.Title}: {change.Words}");
    }

    private static async Task<LockFile> AtAsync(WorkTree tree, string revision, CancellationToken ct)
    {
        await GitTree.ResolveAsync(tree.Root, revision, ct);
        return await GitTree.ShowAsync(tree.Root, revision, LockFile.FileName, ct) is { } text ? WorkTree.Parse(text, $"{revision}:{LockFile.FileName}") : LockFile.Empty;
    }
}
