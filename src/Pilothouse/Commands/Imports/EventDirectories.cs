using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Commands.Imports;

/// <summary>Directories with event files, which are TensorBoard's runs.</summary>
internal static class EventDirectories
{
    /// <summary>Deeper is a loop of links.</summary>
    private const int MaxDepth = 64;

    private const int MaxDirectories = 100_000;

    /// <param name="problem">Told of what cannot be looked into.</param>
    /// <returns>By path below the root, <c>.</c> for itself, with '/' between its parts; files in the order of their names, which is that of their times.</returns>
    public static List<(string Path, IReadOnlyList<string> Files)> Find(string root, Action<string, string> problem)
    {
        var found = new List<(string, IReadOnlyList<string>)>();
        var open = new Stack<(string Directory, int Depth)>([(root, 0)]);
        var seen = 0;
        while (open.TryPop(out var next))
        {
            if (++seen > MaxDirectories)
            {
                problem(root, $"there are more than {MaxDirectories} directories; the others were not looked at. Import a smaller directory.");
                break;
            }
            try
            {
                var files = System.IO.Directory.GetFiles(next.Directory).Where(f => EventFileName.Is(Path.GetFileName(f))).Order(StringComparer.Ordinal).ToList();
                if (files.Count > 0) found.Add((Path.GetRelativePath(root, next.Directory).Replace('\\', '/'), files));
                if (next.Depth == MaxDepth) problem(next.Directory, $"it lies {MaxDepth} directories deep; what is below was not looked at.");
                else foreach (var child in System.IO.Directory.GetDirectories(next.Directory)) open.Push((child, next.Depth + 1));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                problem(next.Directory, e.Message);
            }
        }
        found.Sort((a, b) => string.CompareOrdinal(a.Item1, b.Item1));
        return found;
    }
}
