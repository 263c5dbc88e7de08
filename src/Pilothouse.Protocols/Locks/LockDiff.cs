using System.Globalization;

namespace Pilothouse.Protocols.Locks;

/// <summary>One difference between two locks.</summary>
/// <param name="Change"><c>added</c>, <c>removed</c> or <c>changed</c>.</param>
/// <param name="Words">What differs, for a person.</param>
public sealed record LockChange(LockKind Kind, string Name, string Change, string Words, LockEntry? Before, LockEntry? After);

/// <summary>The difference of two locks in words.</summary>
public static class LockDiff
{
    public static IReadOnlyList<LockChange> Between(LockFile before, LockFile after)
    {
        var changes = new List<LockChange>();
        foreach (var (kind, name) in before.Entries.Concat(after.Entries).Select(e => (e.Kind, e.Name)).Distinct().OrderBy(k => k.Kind).ThenBy(k => k.Name, StringComparer.Ordinal))
        {
            var (a, b) = (before.Find(kind, name), after.Find(kind, name));
            if (a is null) changes.Add(new LockChange(kind, name, "added", What(b!), null, b));
            else if (b is null) changes.Add(new LockChange(kind, name, "removed", What(a), a, null));
            else if (!a.Says(b)) changes.Add(new LockChange(kind, name, "changed", string.Join("; ", Parts(a, b)), a, b));
        }
        return changes;
    }

    /// <summary><c>models:/assistant/2, 1.5 MB</c></summary>
    public static string What(LockEntry e) => string.Join(", ", new[] { e.Reference ?? e.Path, e.FileCount >= 0 ? Count(e.FileCount) : null, e.Size >= 0 ? Bytes(e.Size) : null, e.Digest.IsUnset ? null : Short(e) }.OfType<string>());

    private static IEnumerable<string> Parts(LockEntry a, LockEntry b)
    {
        if (a.Reference != b.Reference) yield return $"{a.Reference ?? "nothing"} became {b.Reference ?? "nothing"}";
        if (a.Follows != b.Follows) yield return b.Follows is null ? $"no longer follows {a.Follows}" : $"follows {b.Follows}{(a.Follows is null ? "" : $" instead of {a.Follows}")}";
        if (a.Path != b.Path) yield return $"path {a.Path ?? "none"} became {b.Path ?? "none"}";
        if (a.Checkout != b.Checkout) yield return b.Checkout is null ? $"no longer in {a.Checkout}" : $"put into {b.Checkout}";
        if (a.FileCount != b.FileCount) yield return $"{Count(a.FileCount)} became {Count(b.FileCount)}";
        if (a.Size != b.Size) yield return $"{Bytes(a.Size)} became {Bytes(b.Size)}";
        foreach (var part in Files(a, b)) yield return part;
        if (a.Digest != b.Digest) yield return $"digest {Short(a)} became {Short(b)}";
    }

    private static IEnumerable<string> Files(LockEntry a, LockEntry b)
    {
        var (before, after) = (a.Files.ToDictionary(f => f.Path), b.Files.ToDictionary(f => f.Path));
        foreach (var path in after.Keys.Except(before.Keys).Take(20)) yield return $"{path} is new";
        foreach (var path in before.Keys.Except(after.Keys).Take(20)) yield return $"{path} is gone";
        foreach (var path in before.Keys.Intersect(after.Keys).Where(p => before[p].Digest != after[p].Digest).Take(20)) yield return $"{path} changed";
    }

    private static string Short(LockEntry e) => e.Digest.IsUnset ? "none" : e.Digest.Hex[..12];

    private static string Count(long files) => string.Create(CultureInfo.InvariantCulture, $"{files:N0} file{(files == 1 ? "" : "s")}");

    /// <summary><c>1.5 MB</c>, in powers of 1,000.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
        var (value, unit) = ((double)bytes, 0);
        for (; value >= 1000 && unit < units.Length - 1; unit++) value /= 1000;
        return string.Create(CultureInfo.InvariantCulture, $"{value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture)} {units[unit]}");
    }
}
