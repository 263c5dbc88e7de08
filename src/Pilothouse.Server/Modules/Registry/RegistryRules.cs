using System.Diagnostics.CodeAnalysis;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Rules that models, data sets and prompts share.</summary>
internal static class RegistryRules
{
    /// <summary>Characters of a description or another free text.</summary>
    public const int MaxText = 20_000;

    /// <summary>Entries of a lineage list.</summary>
    public const int MaxParents = 1_000;

    /// <summary>Rows of one list.</summary>
    public const int MaxListed = 1_000;

    private const int MaxMissingNamed = 20;

    public static void RequireName([NotNull] string? name, string what)
    {
        if (!RegistryReference.IsValidName(name))
            throw Invalid($"'{Shorten(name)}' cannot be the name of a {what}. Use 1 to {RegistryReference.MaxNameLength} of A-Z a-z 0-9 . _ -");
    }

    public static void RequireAlias([NotNull] string? alias)
    {
        if (!RegistryReference.IsValidAlias(alias))
            throw Invalid($"'{Shorten(alias)}' cannot be an alias. Use 1 to {RegistryReference.MaxNameLength} of A-Z a-z 0-9 . _ -, but not 'latest' nor something that reads like a version (3, v3).");
    }

    public static void RequireTexts(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (text?.Length > MaxText)
                throw new PilothouseException(ErrorCode.TooLarge, $"A text has {text.Length} characters; {MaxText} is the limit. Store the document as a file of the version.");
            if (text?.Contains('\0') == true)
                throw Invalid("A text holds a NUL character, which no database stores.");
        }
    }

    public static IReadOnlyList<string> RequireList(IReadOnlyList<string>? list, string what)
    {
        if (list is null) return [];
        if (list.Count > MaxParents) throw new PilothouseException(ErrorCode.TooLarge, $"There are {list.Count} {what}; {MaxParents} is the limit.");
        foreach (var item in list)
        {
            if (string.IsNullOrEmpty(item)) throw Invalid($"An entry of the {what} is empty.");
            RequireTexts(item);
        }
        return list;
    }

    public static Digest RequireDigest([NotNull] string? digest, string of) =>
        Digest.TryParse(digest, out var parsed) ? parsed : throw Invalid($"{of} has no digest '{Shorten(digest)}'. Write sha256: and 64 lower-case hex digits.");

    /// <summary>Every blob must be here, and as long as promised: a version that cannot be read back must not exist.</summary>
    public static async Task RequireBlobsAsync(IBlobStore blobs, IEnumerable<(string Digest, long Size, string Path)> files, CancellationToken ct)
    {
        var missing = new List<string>();
        foreach (var (digest, size, path) in files)
        {
            var held = await blobs.FindAsync(digest, ct);
            if (held is null) missing.Add(digest);
            else if (held.Size != size)
                throw new PilothouseException(ErrorCode.DigestMismatch, $"'{path}' is said to have {size} bytes, its blob {digest} has {held.Size}. Nothing was registered.");
        }
        if (missing.Count == 0) return;
        var named = string.Join(", ", missing.Distinct().Take(MaxMissingNamed));
        throw new PilothouseException(ErrorCode.NotFound, $"{missing.Count} of the files are not on this server: {named}{(missing.Count > MaxMissingNamed ? ", ..." : "")}. Upload them (PUT /api/v1/blobs/DIGEST), then register again. Nothing was registered.");
    }

    public static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    public static string Shorten(string? text) => text is null ? "" : string.Concat((text.Length <= 100 ? text : text[..100]).Select(c => char.IsControl(c) ? '?' : c));
}
