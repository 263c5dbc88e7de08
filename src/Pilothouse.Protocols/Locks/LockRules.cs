using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Locks;

/// <summary>What each kind of entry has and must have, and where entries may put files.</summary>
public static class LockRules
{
    /// <summary>Characters of one line.</summary>
    public const int MaxLine = 4096;

    private const string Lock = "Run 'pilothouse lock'.";

    /// <summary>
    /// True for a path inside the tree where content may be put: relative, with <c>/</c>, at most 1,024 characters; no part of it empty, <c>.</c>, <c>..</c>, of Git's or Pilothouse's own directories,
    /// or with a dot or space at its end (which Windows drops); no backslash, colon or control character.
    /// </summary>
    public static bool IsTreePath(ReadOnlySpan<char> path)
    {
        if (path.Length is 0 or > 1024 || path[0] == ' ') return false;
        foreach (var c in path)
            if (c is '\\' or ':' || char.IsControl(c)) return false;
        foreach (var range in path.Split('/'))
        {
            var part = path[range];
            if (part.Length == 0 || part[^1] is '.' or ' ') return false;
            if (part[0] == '.' && (part.Equals(".git", StringComparison.OrdinalIgnoreCase) || part.Equals(".pilothouse", StringComparison.OrdinalIgnoreCase))) return false;
        }
        return true;
    }

    /// <summary>Paths that are equal here may be one and the same file: file systems of Windows and macOS do not tell case.</summary>
    public static string Fold(string path) => path.ToUpperInvariant().ToLowerInvariant();

    /// <summary>Finds paths that would be one on some file system, or of which one would be a directory of the other.</summary>
    public static string? Collision(IEnumerable<string> paths)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            var folded = Fold(path);
            if (!files.TryAdd(folded, path)) return files[folded] == path ? $"'{path}' is there twice" : $"'{files[folded]}' and '{path}' are one file where case does not count";
            if (folders.TryGetValue(folded, out var inside)) return $"'{path}' would be a file and, for '{inside}', a folder";
            for (var cut = folded.LastIndexOf('/'); cut > 0; cut = folded.LastIndexOf('/', cut - 1))
            {
                var folder = folded[..cut];
                if (files.TryGetValue(folder, out var file)) return $"'{file}' would be a file and, for '{path}', a folder";
                // Two spellings of one folder would become one folder here and two there.
                if (!folders.TryAdd(folder, path))
                {
                    if (folders[folder][..folder.Length] != path[..folder.Length] && folder.Length <= Math.Min(folders[folder].Length, path.Length)) return $"'{folders[folder]}' and '{path}' are in one folder where case does not count";
                    break;
                }
            }
        }
        return null;
    }

    internal static IEnumerable<LockFault> Check(LockEntry e)
    {
        LockFault Fault(string code, string message, string remedy = Lock) => new(code, e.Line, $"{e.Title}: {message}", remedy);
        LockFault Missing(string field) => Fault(LockFaults.MissingField, $"'{field}' is missing.");
        LockFault Extra(string field) => Fault(LockFaults.UnknownField, $"a {e.Word} has no '{field}'.");

        var isRegistered = e.Kind == LockKind.Prompt && e.Reference is not null;
        var isPath = e.Kind is LockKind.File or LockKind.Folder || e.Kind == LockKind.Prompt && !isRegistered;
        if (isRegistered)
        {
            if (!IsVersionOf(e.Reference!, e.Name)) yield return Fault(LockFaults.BadValue, $"'{Printable(e.Reference!)}' is no version of it: a registered prompt is named prompts:/NAME/VERSION or prompts:/NAME@ALIAS, its reference prompts:/NAME/VERSION.");
        }
        else if (isPath ? !IsTreePath(e.Name) : !NameRule.IsValid(e.Name)) yield return Fault(isPath ? LockFaults.BadPath : LockFaults.BadValue, isPath ? "not a path inside the project." : "not a name.");
        foreach (var path in new[] { e.Path, e.Checkout })
            if (path is not null && !IsTreePath(path)) yield return Fault(LockFaults.BadPath, $"'{Printable(path)}' is not a path inside the project.");
        foreach (var text in new[] { e.Reference, e.Follows })
            if (text is not null && (text.Length is 0 or > 2048 || text.Any(char.IsControl) || text != text.Trim())) yield return Fault(LockFaults.BadValue, "a reference is one line of at most 2,048 characters.");

        var remote = e.Kind == LockKind.Model && e.Reference?.StartsWith("models:/", StringComparison.Ordinal) == false;
        if (e.Digest.IsUnset && !remote) yield return Missing("digest");
        if (e.Size < 0 && !remote && e.Kind != LockKind.Suite && !isRegistered) yield return Missing("size");
        if (e.Kind == LockKind.Folder && e.FileCount < 0) yield return Missing("files");
        if (e.Kind == LockKind.Model && e.Reference is null) yield return Missing("reference");
        if (e.Kind == LockKind.Tool && e.Path is null) yield return Missing("path");
        if (e.Kind == LockKind.Data && e.Path is null == e.Reference is null) yield return Fault(LockFaults.MissingField, "it has a path or a reference.");

        if (remote && !e.Digest.IsUnset) yield return Extra("digest");
        if (e.Size >= 0 && (remote || isRegistered || e.Kind == LockKind.Suite)) yield return Extra("size");
        if (e.Kind != LockKind.Folder && e.FileCount >= 0) yield return Extra("files");
        if (e.Kind is not (LockKind.Model or LockKind.Data or LockKind.Prompt) && e.Reference is not null) yield return Extra("reference");
        if (e.Kind != LockKind.Model && e.Follows is not null) yield return Extra("follows");
        if (e.Kind is not (LockKind.Data or LockKind.Tool) && e.Path is not null) yield return Extra("path");
        if ((e.Kind is not (LockKind.Model or LockKind.Data) || e.Path is not null || remote) && e.Checkout is not null) yield return Extra("checkout");
        if ((remote || e.Kind != LockKind.Model && (e.Kind != LockKind.Data || e.Checkout is null)) && e.Files.Count > 0) yield return Extra("file");
        else if (e.Files.Count > 0 && !e.Digest.IsUnset && Manifest(e) is { } wrong) yield return Fault(LockFaults.DigestMismatch, wrong);
        if (e.Kind == LockKind.Model && e.Checkout is not null && e.Files.Count == 0) yield return Missing("file");
    }

    /// <summary>Files, folders and checkouts must not lie in each other.</summary>
    internal static IEnumerable<LockFault> CheckPaths(IReadOnlyList<LockEntry> entries)
    {
        var placed = entries.Select(e => (Entry: e, Path: e.Kind is LockKind.File or LockKind.Folder ? e.Name : e.Checkout)).Where(p => p.Path is not null).ToList();
        // As if each were a file: one inside of the other is then found, too.
        if (Collision(placed.Select(p => p.Path!)) is not { } collision) yield break;
        yield return new LockFault(LockFaults.PathCollision, placed.Count > 0 ? placed[^1].Entry.Line : 0, collision + ".", "Rename or remove one of them ('pilothouse add --remove PATH').");
    }

    private static string? Manifest(LockEntry e)
    {
        try
        {
            var manifest = ContentManifest.Create(e.Files);
            if (manifest.Digest != e.Digest) return $"its files give {manifest.Digest}, not {e.Digest}.";
            if (manifest.TotalSize != e.Size) return $"its files have {manifest.TotalSize} bytes, not {e.Size}.";
            if (e.Files.FirstOrDefault(f => !IsTreePath(f.Path)) is { } bad) return $"'{Printable(bad.Path)}' is not a path inside it.";
            return e.Checkout is not null && Collision(e.Files.Select(f => f.Path)) is { } collision ? collision + "." : null;
        }
        catch (ProtocolFormatException fault)
        {
            return fault.Message;
        }
    }

    /// <summary><c>prompts:/support/3</c> is a version of <c>prompts:/support/3</c> and of <c>prompts:/support@production</c>.</summary>
    private static bool IsVersionOf(string reference, string name) =>
        RegistryReference.TryParse(reference, RegistryReference.Prompts, out var pinned) && pinned.Version is not null
        && RegistryReference.TryParse(name, RegistryReference.Prompts, out var wanted) && wanted.Name == pinned.Name && (wanted.Version == pinned.Version || wanted.Alias is not null);

    internal static string Printable(string text) => string.Concat((text.Length <= 100 ? text : text[..97] + "...").Select(c => char.IsControl(c) ? '?' : c));
}
