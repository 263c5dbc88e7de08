using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;
using Pilothouse.Workspace;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse status</c>: what differs from the lock, and how.</summary>
internal static class StatusCommand
{
    /// <summary>How long a server may take to say whether there is something newer: that is good to know, not needed.</summary>
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(10);

    private const int MaxShown = 50;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var offline = new Option<bool>("--offline") { Description = "Ask no server whether there are newer versions." };
        var all = new Option<bool>("--all") { Description = $"Name every file, not the first {MaxShown}." };
        var json = Output.JsonOption();
        var command = new Command("status", "What differs from pilothouse.lock: files missing, changed or untracked, a lock that is behind pilothouse.yaml, newer versions. Exit code 1 when files differ, 5 when the lock is stale.") { offline, all, json, server };
        command.SetAction(async (result, ct) =>
        {
            var tree = WorkTree.Find(".");
            var file = await tree.RequireLockAsync(ct);
            using var client = Cli.Connect(result, server);
            var newer = result.GetValue(offline) ? Task.FromResult<IReadOnlyList<NewerVersion>?>([]) : NewerAsync(client, file, ct);
            var status = await CompareAsync(tree, file, result.GetValue(offline) ? null : client, ct) with { Newer = await newer };
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(status));
            else Print(status, result.GetValue(all) ? int.MaxValue : MaxShown);
            return status.Stale.Count > 0 ? ExitCode.Stale : status.IsClean ? ExitCode.Ok : ExitCode.Failed;
        }, guarded: true);
        return command;
    }

    /// <summary>Compares the tree, and remembers what had to be read for it.</summary>
    internal static async Task<TreeStatus> CompareAsync(WorkTree tree, LockFile file, PilothouseClient? client, CancellationToken ct)
    {
        // Side by side: each is a tenth of a second where there are 100,000 files.
        var planning = Task.Run(() => PlanAsync(file, client, ct), ct);
        var index = StatIndex.Load(tree.IndexPath);
        var scan = new TreeScan(tree, index);
        var project = File.Exists(Path.Combine(tree.Root, CheckCommand.FileName)) ? await tree.ProjectAsync(ct) : null;
        var stale = project is null ? [] : LockNeeds.Check(project, file, await TreeContents.ReadAsync(tree, scan, project, file, ct));
        var plan = await planning;
        var differences = await scan.CompareAsync(plan, ct);
        if (index.IsChanged)
        {
            tree.EnsureState();
            index.Save(tree.IndexPath, TimeProvider.System.GetUtcNow());
        }
        string[] unknown = [.. plan.Unknown.Select(u => u.Name)];
        return new TreeStatus(file.Digest.ToString(), plan.Files.Count, scan.Read, [.. stale.Select(s => s.ToString())], [.. differences.Select(d => new FileDifference(d.State.ToString().ToLowerInvariant(), d.Path, d.Detail))], unknown, []);
    }

    /// <summary>A list of files that is not in the cache is asked for; a server that is away makes it unknown.</summary>
    private static async Task<TreePlan> PlanAsync(LockFile file, PilothouseClient? client, CancellationToken ct)
    {
        try
        {
            return await TreePlan.ExpandAsync(file, ContentCache.Default(), client, toWrite: false, ct);
        }
        catch (PilothouseApiException e) when (e.Status == 0)
        {
            return await TreePlan.ExpandAsync(file, ContentCache.Default(), null, toWrite: false, ct);
        }
    }

    /// <returns>Null when the server did not answer.</returns>
    private static async Task<IReadOnlyList<NewerVersion>?> NewerAsync(PilothouseClient client, LockFile file, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(AskLimit);
        var newer = new List<NewerVersion>();
        try
        {
            foreach (var entry in file.Entries.Where(e => e.Kind == LockKind.Model))
            {
                if (!RegistryReference.TryParse(entry.Reference, RegistryReference.Models, out var pinned)) continue;
                var versions = await VersionsAsync(client, pinned.Name, limit.Token);
                var latest = versions.Select(v => v.Version).DefaultIfEmpty(0).Max();
                var followed = entry.Follows is { } alias ? versions.FirstOrDefault(v => v.Aliases.Contains(alias[1..]))?.Version : null;
                if (followed is { } moved && moved != pinned.Version) newer.Add(new NewerVersion(entry.Title, entry.Reference!, $"{entry.Follows} is version {moved} now", $"pilothouse lock --update {entry.Name}"));
                else if (followed is null && latest > pinned.Version) newer.Add(new NewerVersion(entry.Title, entry.Reference!, $"version {latest} is there", $"set models.{entry.Name}.version in pilothouse.yaml, then 'pilothouse lock'"));
            }
            foreach (var entry in file.Entries.Where(e => e is { Kind: LockKind.Prompt, Reference: not null }))
            {
                if (!RegistryReference.TryParse(entry.Name, RegistryReference.Prompts, out var followed) || followed.Alias is null) continue;
                if (await client.GetPromptAsync(entry.Name, limit.Token) is var now && now.Reference != entry.Reference) newer.Add(new NewerVersion(entry.Title, entry.Reference!, $"@{followed.Alias} is version {now.Version} now", "pilothouse lock --update"));
            }
            var sets = file.Entries.Where(e => e is { Kind: LockKind.Data, Reference: not null }).ToList();
            if (sets.Count == 0) return newer;
            var registered = await client.ListDatasetsAsync(limit.Token);
            foreach (var entry in sets)
            {
                if (RegistryReference.TryParse(entry.Reference, RegistryReference.Datasets, out var pinned) && registered.Where(d => d.Name == pinned.Name).Select(d => d.Version).DefaultIfEmpty(0).Max() is var latest && latest > pinned.Version)
                    newer.Add(new NewerVersion(entry.Title, entry.Reference!, $"version {latest} is there", $"set data.{entry.Name}.version in pilothouse.yaml, then 'pilothouse lock'"));
            }
            return newer;
        }
        catch (Exception e) when (e is PilothouseApiException || e is OperationCanceledException && !ct.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task<IReadOnlyList<ModelVersion>> VersionsAsync(PilothouseClient client, string name, CancellationToken ct)
    {
        try
        {
            return await client.ListModelVersionsAsync(name, ct);
        }
        catch (PilothouseApiException e) when (e.Status == 404)
        {
            return [];
        }
    }

    private static void Print(TreeStatus status, int shown)
    {
        foreach (var stale in status.Stale) Console.WriteLine($"stale      {stale}");
        if (status.Stale.Count > 0) Console.WriteLine("           mend with: pilothouse lock");
        foreach (var file in status.Files.Take(shown)) Console.WriteLine($"{file.State,-10} {file.Path}  ({file.Detail})");
        if (status.Files.Count > shown) Console.WriteLine($"           and {status.Files.Count - shown} more (--all)");
        foreach (var folder in status.Unknown) Console.WriteLine($"unknown    {folder}  (its list of files is not here; run 'pilothouse sync')");
        foreach (var newer in status.Newer ?? []) Console.WriteLine($"newer      {newer.Entry}  ({newer.Pinned} is pinned, {newer.Message}: {newer.Command})");
        if (status.Newer is null) Console.WriteLine("           (the server did not say whether there are newer versions)");
        Console.WriteLine(status is { IsClean: true, Stale.Count: 0 } ? $"{status.Tracked} files as in {LockFile.FileName}."
            : $"{status.Tracked} files in {LockFile.FileName}: {string.Join(", ", status.Files.GroupBy(f => f.State).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Count()} {g.Key}").DefaultIfEmpty("none differs"))}.");
    }
}

/// <summary>The state of a tree, as <c>--json</c> prints it.</summary>
/// <param name="Lock">Digest of the lock.</param>
/// <param name="Tracked">Files that the lock puts into the tree.</param>
/// <param name="Read">Files that had to be read to know.</param>
/// <param name="Newer">Null = the server did not answer.</param>
internal sealed record TreeStatus(string Lock, int Tracked, int Read, IReadOnlyList<string> Stale, IReadOnlyList<FileDifference> Files, IReadOnlyList<string> Unknown, IReadOnlyList<NewerVersion>? Newer)
{
    public bool IsClean => Files.Count == 0 && Unknown.Count == 0;
}

/// <param name="State">missing, changed or untracked.</param>
internal sealed record FileDifference(string State, string Path, string Detail);

/// <param name="Command">What takes it.</param>
internal sealed record NewerVersion(string Entry, string Pinned, string Message, string Command);
