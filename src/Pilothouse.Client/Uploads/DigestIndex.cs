using System.Globalization;
using System.Text;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Client.Uploads;

/// <summary>
/// Remembers the digests of files by size, times and inode, so that a file that did not change is not read again. A cache: it may be deleted at any time, and what
/// cannot be read or written of it is as if it were not there. One small file for each directory, in <c>PILOTHOUSE_CACHE</c>, else <c>~/.cache/pilothouse</c>.
/// </summary>
internal sealed class DigestIndex
{
    private const string Format = "pilothouse digests 1";

    /// <summary>Files remembered of one directory.</summary>
    private const int MaxEntries = 200_000;

    /// <summary>Directories remembered; the ones longest unused go.</summary>
    private const int MaxDirectories = 2_000;

    /// <summary>A file changed so shortly before it was hashed could change again without its time showing it (the clock of a file system ticks every few milliseconds).</summary>
    private const long RacyNs = 100_000_000;

    private readonly string _root;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<string, Entry>> _directories = new(StringComparer.Ordinal);
    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);

    public DigestIndex(string? root = null) => _root = root ?? DefaultRoot;

    public static string DefaultRoot => Path.Combine(CacheRoot, "digests");

    private static string CacheRoot => Environment.GetEnvironmentVariable("PILOTHOUSE_CACHE") is { Length: > 0 } own ? own
        : Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "pilothouse");

    /// <returns>Null when the file is not known as it is now.</returns>
    public Digest? Find(string path, FileStat stat)
    {
        path = Path.GetFullPath(path);
        lock (_lock)
            return Of(Path.GetDirectoryName(path)!).TryGetValue(Path.GetFileName(path), out var entry) && entry.Stat == stat ? entry.Digest : null;
    }

    /// <param name="hashedAtNs">When reading began, nanoseconds since 1970.</param>
    public void Put(string path, FileStat stat, Digest digest, long hashedAtNs)
    {
        path = Path.GetFullPath(path);
        var name = Path.GetFileName(path);
        if (name.AsSpan().IndexOfAny('\t', '\n') >= 0 || Math.Max(stat.ModifiedNs, stat.ChangedNs) > hashedAtNs - RacyNs) return;
        lock (_lock)
        {
            var directory = Path.GetDirectoryName(path)!;
            var entries = Of(directory);
            if (entries.Count >= MaxEntries && !entries.ContainsKey(name)) return;
            entries[name] = new Entry(stat, digest);
            _changed.Add(directory);
        }
    }

    /// <summary>Writes what is new.</summary>
    public void Save()
    {
        lock (_lock)
        {
            try
            {
                if (_changed.Count == 0) return;
                Directory.CreateDirectory(_root);
                foreach (var directory in _changed) Write(directory);
                _changed.Clear();
                Prune();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full or read-only disk: the files are hashed again next time.
            }
        }
    }

    private Dictionary<string, Entry> Of(string directory)
    {
        if (!_directories.TryGetValue(directory, out var entries)) _directories[directory] = entries = Read(directory);
        return entries;
    }

    private string FileOf(string directory) => Path.Combine(_root, Digest.Of(Encoding.UTF8.GetBytes(directory)).Hex[..32]);

    // size TAB mtime TAB ctime TAB inode TAB hex TAB name
    private Dictionary<string, Entry> Read(string directory)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        try
        {
            using var reader = new StreamReader(FileOf(directory));
            if (reader.ReadLine() != Format || reader.ReadLine() != directory) return entries;
            while (reader.ReadLine() is { } line && entries.Count < MaxEntries)
            {
                var fields = line.Split('\t');
                if (fields.Length == 6 && Number(fields[0]) is { } size && Number(fields[1]) is { } modified && Number(fields[2]) is { } changed
                    && ulong.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out var inode) && Digest.TryParseHex(fields[4], out var digest))
                    entries[fields[5]] = new Entry(new FileStat(size, modified, changed, inode), digest);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there yet.
        }
        return entries;
    }

    private void Write(string directory)
    {
        var path = FileOf(directory);
        var temporary = $"{path}.{Environment.ProcessId}";
        using (var writer = new StreamWriter(temporary))
        {
            writer.Write(Format + "\n" + directory + "\n");
            foreach (var (name, e) in _directories[directory])
                writer.Write(string.Create(CultureInfo.InvariantCulture, $"{e.Stat.Size}\t{e.Stat.ModifiedNs}\t{e.Stat.ChangedNs}\t{e.Stat.Inode}\t{e.Digest.Hex}\t{name}\n"));
        }
        File.Move(temporary, path, overwrite: true);
    }

    private void Prune()
    {
        var files = new DirectoryInfo(_root).GetFiles();
        foreach (var file in files.OrderByDescending(f => f.LastWriteTimeUtc).Skip(MaxDirectories)) file.Delete();
    }

    private static long? Number(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;

    private readonly record struct Entry(FileStat Stat, Digest Digest);
}
