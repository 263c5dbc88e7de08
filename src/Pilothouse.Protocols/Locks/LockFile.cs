using System.Text;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Locks;

/// <summary>
/// <c>pilothouse.lock</c>: every digest that a commit uses. A text of blocks with an empty line between them, sorted, so that two branches that change different
/// entries merge without conflict, and the same content is always the same bytes. The format is written down in docs/protocols/lock.md.
/// </summary>
public sealed class LockFile
{
    public const string FileName = "pilothouse.lock";

    /// <summary>The only version of the format there is so far.</summary>
    public const int FormatVersion = 1;

    /// <summary>Entries of one lock.</summary>
    public const int MaxEntries = 100_000;

    private readonly Dictionary<(LockKind, string), LockEntry> _byName;

    private LockFile(IReadOnlyList<LockEntry> entries)
    {
        Entries = entries;
        _byName = entries.ToDictionary(e => (e.Kind, e.Name));
    }

    public static LockFile Empty { get; } = new([]);

    /// <summary>Sorted by kind, then by name.</summary>
    public IReadOnlyList<LockEntry> Entries { get; }

    /// <summary>SHA-256 of <see cref="ToText"/>.</summary>
    public Digest Digest => Digest.Of(Encoding.UTF8.GetBytes(ToText()));

    /// <exception cref="ProtocolFormatException">Two entries have the same name, one breaks a rule, or there are too many.</exception>
    public static LockFile Create(IEnumerable<LockEntry> entries)
    {
        var sorted = entries.Take(MaxEntries + 1).ToList();
        if (sorted.Count > MaxEntries) throw new ProtocolFormatException($"A lock has at most {MaxEntries:N0} entries; track folders instead of their files.");
        sorted.Sort(LockEntry.Compare);
        for (var i = 1; i < sorted.Count; i++)
            if (LockEntry.Compare(sorted[i - 1], sorted[i]) == 0) throw new ProtocolFormatException($"{sorted[i].Title} is there twice.");
        var faults = sorted.SelectMany(LockRules.Check).Concat(LockRules.CheckPaths(sorted)).ToList();
        return faults.Count == 0 ? new LockFile(sorted) : throw new ProtocolFormatException(faults[0].Message);
    }

    public LockEntry? Find(LockKind kind, string name) => _byName.GetValueOrDefault((kind, name));

    /// <summary>The file or folder entry whose content the path belongs to; null when Git (or nobody) keeps it.</summary>
    public LockEntry? TrackerOf(string path)
    {
        if (Find(LockKind.File, path) is { } file) return file;
        for (var cut = path.Length; cut > 0; cut = path.LastIndexOf('/', cut - 1))
            if (Find(LockKind.Folder, path[..cut]) is { } folder) return folder;
        return null;
    }

    /// <summary>A lock with one entry more, in the place of the one with that name if there is any.</summary>
    public LockFile With(LockEntry entry) => Create(Entries.Where(e => LockEntry.Compare(e, entry) != 0).Append(entry));

    public LockFile Without(LockEntry entry) => Create(Entries.Where(e => LockEntry.Compare(e, entry) != 0));

    /// <summary>The canonical text.</summary>
    public string ToText() => LockWriter.Write(Entries);
}
