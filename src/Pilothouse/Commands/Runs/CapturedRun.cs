using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Workspace;

namespace Pilothouse.Commands.Runs;

/// <summary>What is recorded of a run so that it can be repeated: seed, outputs, and what it reads.</summary>
internal static class CapturedRun
{
    public const string SeedVariable = "PILOTHOUSE_SEED";

    private const int MaxInputs = 10_000;

    /// <summary>The tags given, and those of the capture.</summary>
    public static Dictionary<string, string> Tags(IEnumerable<KeyValuePair<string, string>> given, string? seed, IReadOnlyList<string> outputs)
    {
        var tags = new Dictionary<string, string>();
        if (seed is not null) tags[ReproductionTags.Seed] = seed;
        if (outputs.Count > 0) tags[ReproductionTags.Outputs] = string.Join('\n', outputs);
        foreach (var (key, value) in given) tags[key] = value;
        return tags;
    }

    /// <summary><c>--seed 7</c>, <c>--seed=7</c>, <c>--random-seed 7</c>: the seed that a command is given; null when it is not given any that way.</summary>
    public static string? SeedOf(IReadOnlyList<string> command)
    {
        for (var i = 0; i < command.Count; i++)
        {
            var (name, value) = Split(command[i]);
            if (!IsSeed(name)) continue;
            if (value is not null) return value;
            if (i + 1 < command.Count && !command[i + 1].StartsWith("--", StringComparison.Ordinal)) return command[i + 1];
        }
        return null;
    }

    /// <summary>The command with another seed.</summary>
    /// <returns>Null when it takes its seed another way.</returns>
    public static IReadOnlyList<string>? WithSeed(IReadOnlyList<string> command, string seed)
    {
        var words = command.ToList();
        for (var i = 0; i < words.Count; i++)
        {
            var (name, value) = Split(words[i]);
            if (!IsSeed(name)) continue;
            if (value is not null) words[i] = $"{name}={seed}";
            else if (i + 1 < words.Count) words[i + 1] = seed;
            else continue;
            return words;
        }
        return null;
    }

    /// <summary>Digests of files and directories, whose content goes to the server where it is not there already.</summary>
    public static async Task<RunInputs?> InputsAsync(PilothouseClient client, IReadOnlyList<string> paths, CancellationToken ct)
    {
        var files = new List<string>();
        foreach (var path in paths)
        {
            if (File.Exists(path)) files.Add(Path.GetFullPath(path));
            else if (Directory.Exists(path)) files.AddRange(Directory.EnumerateFiles(Path.GetFullPath(path), "*", SearchOption.AllDirectories).Take(MaxInputs + 1));
            else throw new UsageException($"The input {path} is neither a file nor a directory.");
            if (files.Count > MaxInputs) throw new UsageException($"The inputs are more than {MaxInputs} files. Track the folder instead ('pilothouse add'): what the lock pins is recorded by itself.");
        }
        var inputs = new List<RunInput>();
        var root = WorkTree.TryFind(".")?.Root ?? Environment.CurrentDirectory;
        foreach (var uploaded in await client.UploadFilesAsync(files, new UploadOptions(), ct))
        {
            var relative = Path.GetRelativePath(root, uploaded.Path).Replace(Path.DirectorySeparatorChar, '/');
            inputs.Add(new RunInput(ContentManifest.IsValidPath(relative) ? relative : uploaded.Path, uploaded.Digest, uploaded.Size));
        }
        inputs.AddRange(await ChangedAsync(inputs, ct));
        return inputs.Count == 0 ? null : new RunInputs([.. inputs.OrderBy(i => i.Path, StringComparer.Ordinal)]);
    }

    /// <summary>Files of the lock that are not as it says: recorded by what they are, and said, since nobody else has their content.</summary>
    private static async Task<IReadOnlyList<RunInput>> ChangedAsync(List<RunInput> known, CancellationToken ct)
    {
        if (WorkTree.TryFind(".") is not { HasLock: true } tree) return [];
        try
        {
            if (await tree.LockAsync(ct) is not { } file) return [];
            var index = StatIndex.Load(tree.IndexPath);
            var scan = new TreeScan(tree, index);
            var changed = new List<RunInput>();
            foreach (var difference in (await scan.CompareAsync(await TreePlan.ExpandAsync(file, ContentCache.Default(), null, toWrite: false, ct), ct)).Where(d => d.State == TreeState.Changed && known.TrueForAll(k => k.Path != d.Path)).Take(MaxInputs))
                if (await scan.ContentAsync(difference.Path, ct) is { } now) changed.Add(new RunInput(difference.Path, now.Content.ToDigest().ToString(), now.Stat.Size));
            if (changed.Count > 0) await Console.Error.WriteLineAsync($"pilothouse: {changed.Count} tracked file(s) are not as pilothouse.lock says ({changed[0].Path}{(changed.Count > 1 ? ", ..." : "")}); their digests are recorded, their content is not. 'pilothouse add' keeps it");
            return changed;
        }
        catch (Exception e) when (e is UsageException or IOException or UnauthorizedAccessException or Protocols.ProtocolFormatException)
        {
            await Console.Error.WriteLineAsync($"pilothouse: the tracked files could not be compared with pilothouse.lock: {e.Message}");
            return [];
        }
    }

    private static bool IsSeed(string name) => name.TrimStart('-').Replace('_', '-').ToLowerInvariant() is "seed" or "random-seed" or "rng-seed" or "manual-seed" && name.StartsWith('-');

    private static (string Name, string? Value) Split(string word)
    {
        var equals = word.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? (word[..equals], word[(equals + 1)..]) : (word, null);
    }
}
