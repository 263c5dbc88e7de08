using Pilothouse.Commands;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Workspace;

/// <summary>The directory of a project on this disk, with its pilothouse.yaml, its lock, and <c>.pilothouse/</c> for what is remembered.</summary>
internal sealed class WorkTree(string root)
{
    public const string StateFolder = ".pilothouse";

    private const int MaxLockBytes = 64 * 1024 * 1024;

    public string Root { get; } = root;

    public string LockPath => Path.Combine(Root, LockFile.FileName);

    public string IndexPath => Path.Combine(Root, StateFolder, "index");

    public string TemporaryPath => Path.Combine(Root, StateFolder, "tmp");

    public bool HasLock => File.Exists(LockPath);

    /// <summary>The project around a directory.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static WorkTree Find(string directory) => TryFind(directory)
        ?? throw new UsageException($"No {CheckCommand.FileName} in {Path.GetFullPath(directory)} or above. Go into the project, or make one with: pilothouse init");

    public static WorkTree? TryFind(string directory)
    {
        for (var folder = new DirectoryInfo(directory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, CheckCommand.FileName)) || File.Exists(Path.Combine(folder.FullName, LockFile.FileName))) return new WorkTree(folder.FullName);
        return null;
    }

    public Task<ProjectFile> ProjectAsync(CancellationToken ct) => CheckCommand.LoadAsync(Path.Combine(Root, CheckCommand.FileName), ct);

    /// <returns>Null when there is no lock.</returns>
    /// <exception cref="UsageException">It has faults; the message lists them.</exception>
    public async Task<LockFile?> LockAsync(CancellationToken ct)
    {
        if (!HasLock) return null;
        if (new FileInfo(LockPath).Length > MaxLockBytes) throw new UsageException($"{LockFile.FileName} has more than {MaxLockBytes} bytes.");
        return Parse(await File.ReadAllTextAsync(LockPath, ct), LockFile.FileName);
    }

    /// <exception cref="UsageException">No lock, or one with faults.</exception>
    public async Task<LockFile> RequireLockAsync(CancellationToken ct) => await LockAsync(ct)
        ?? throw new UsageException($"{Root} has no {LockFile.FileName}. Make it with: pilothouse lock");

    public static LockFile Parse(string text, string name)
    {
        var result = LockFileReader.Parse(text);
        return result.File ?? throw new UsageException($"{name} has {result.Faults.Count} fault(s)\n" + string.Join('\n', result.Faults.Select(f => $"{name}:{f}")));
    }

    public async Task WriteLockAsync(LockFile file, CancellationToken ct)
    {
        var part = LockPath + ".part";
        await File.WriteAllTextAsync(part, file.ToText(), ct);
        File.Move(part, LockPath, overwrite: true);
    }

    /// <summary>Makes <c>.pilothouse/</c>, which hides itself from Git.</summary>
    public void EnsureState()
    {
        Directory.CreateDirectory(TemporaryPath);
        var ignore = Path.Combine(Root, StateFolder, ".gitignore");
        if (!File.Exists(ignore)) File.WriteAllText(ignore, "*\n");
    }

    public string Full(string path) => Path.Combine(Root, path);

    /// <summary>Path of a file relative to the project, with '/'.</summary>
    /// <exception cref="UsageException">Outside of it, or where nothing may be tracked.</exception>
    public string Relative(string given)
    {
        var path = Path.GetRelativePath(Root, Path.GetFullPath(given)).Replace(Path.DirectorySeparatorChar, '/');
        return LockRules.IsTreePath(path) ? path : throw new UsageException($"'{given}' cannot be tracked: it must be inside {Root}, not in .git or {StateFolder}, and without ':' or control characters.");
    }

    /// <summary>Nothing is read or written through a symbolic link: it could lead out of the tree.</summary>
    /// <exception cref="UsageException">A directory above the path is one.</exception>
    public void RequireNoLinkAbove(string path)
    {
        for (var cut = path.IndexOf('/', StringComparison.Ordinal); cut > 0; cut = path.IndexOf('/', cut + 1))
            if (FileStat.Of(Full(path[..cut])).Kind == FileKind.Link) throw new UsageException($"{path[..cut]} is a symbolic link; nothing is written through it. Put a real directory there.");
    }

    /// <summary>Adds lines to .gitignore that are not there.</summary>
    public async Task IgnoreAsync(IEnumerable<string> paths, CancellationToken ct)
    {
        var file = Path.Combine(Root, ".gitignore");
        var text = File.Exists(file) ? await File.ReadAllTextAsync(file, ct) : "";
        var lines = text.Split('\n').Select(l => l.TrimEnd('\r')).ToHashSet(StringComparer.Ordinal);
        var added = paths.Select(Pattern).Where(lines.Add).ToList();
        if (added.Count > 0) await File.WriteAllTextAsync(file, text + (text.Length > 0 && !text.EndsWith('\n') ? "\n" : "") + string.Concat(added.Select(l => l + "\n")), ct);
    }

    public async Task UnignoreAsync(string path, CancellationToken ct)
    {
        var file = Path.Combine(Root, ".gitignore");
        if (!File.Exists(file)) return;
        var lines = (await File.ReadAllTextAsync(file, ct)).Split('\n');
        var kept = lines.Where(l => l.TrimEnd('\r') != Pattern(path)).ToList();
        if (kept.Count < lines.Length) await File.WriteAllTextAsync(file, string.Join('\n', kept), ct);
    }

    /// <summary>Anchored, with what Git takes for a pattern taken literally.</summary>
    private static string Pattern(string path) => "/" + string.Concat(path.Select(c => c is '*' or '?' or '[' or ']' or '\\' ? $"\\{c}" : c.ToString()));
}
