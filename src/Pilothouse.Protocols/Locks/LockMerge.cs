using System.Text;

namespace Pilothouse.Protocols.Locks;

/// <summary>What came of merging.</summary>
/// <param name="Text">The merged lock; where there are conflicts, with Git's marks around the two sides of each.</param>
/// <param name="Conflicts">Entries that both sides changed, each in its own way.</param>
public sealed record LockMergeResult(string Text, IReadOnlyList<string> Conflicts);

/// <summary>Merges two locks by entry: what one side changed is taken; only an entry that both changed differently is a conflict.</summary>
public static class LockMerge
{
    public static LockMergeResult Merge(LockFile ancestor, LockFile ours, LockFile theirs)
    {
        var keys = ours.Entries.Concat(theirs.Entries).Concat(ancestor.Entries).Select(e => (e.Kind, e.Name)).Distinct()
            .OrderBy(k => k.Kind).ThenBy(k => k.Name, StringComparer.Ordinal);
        var text = new StringBuilder(LockWriter.Head);
        var conflicts = new List<string>();
        foreach (var (kind, name) in keys)
        {
            var (was, mine, other) = (ancestor.Find(kind, name), ours.Find(kind, name), theirs.Find(kind, name));
            var block = Same(mine, other) || Same(was, other) ? Block(mine) : Same(was, mine) ? Block(other) : null;
            if (block is null)
            {
                conflicts.Add((mine ?? other)!.Title);
                text.Append("\n<<<<<<< ours\n").Append(Block(mine)).Append("=======\n").Append(Block(other)).Append(">>>>>>> theirs\n");
            }
            else if (block.Length > 0)
            {
                text.Append('\n').Append(block);
            }
        }
        return new LockMergeResult(text.ToString(), conflicts);
    }

    private static bool Same(LockEntry? a, LockEntry? b) => Block(a) == Block(b);

    private static string Block(LockEntry? entry) => entry is null ? "" : LockWriter.Block(entry);
}
