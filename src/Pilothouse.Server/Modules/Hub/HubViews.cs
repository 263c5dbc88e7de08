using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pilothouse.Protocols.Hub;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>Answers in the Hub's own shapes: camelCase, as its clients read them.</summary>
internal sealed class HubViews(HubFiles files, HubCards cards, IAuthenticator authenticator)
{
    /// <summary>Members of config.json that the Hub shows.</summary>
    private static readonly string[] ShownConfig = ["architectures", "model_type", "quantization_config"];

    /// <summary>Model or data set, as <c>/api/models/ID</c> gives it.</summary>
    /// <param name="siblings">With the list of files.</param>
    /// <param name="blobs">With sizes and digests of the files.</param>
    public async Task<Dictionary<string, object?>> InfoAsync(HubRevision revision, bool siblings, bool blobs, CancellationToken ct)
    {
        var card = await cards.ReadAsync(revision, ct);
        var info = new Dictionary<string, object?>
        {
            ["_id"] = IdOf(revision.Type, revision.Id),
            ["id"] = revision.Id,
            ["author"] = revision.Id.Contains('/', StringComparison.Ordinal) ? revision.Id[..revision.Id.IndexOf('/', StringComparison.Ordinal)] : null,
            ["sha"] = revision.Sha,
            ["lastModified"] = Time(revision.CreatedMs),
            ["createdAt"] = Time(revision.BornMs > 0 ? revision.BornMs : revision.CreatedMs),
            ["private"] = authenticator.Anonymous is null,
            ["gated"] = false,
            ["disabled"] = false,
            ["downloads"] = 0,
            ["likes"] = 0,
            ["tags"] = card.Tags,
            ["cardData"] = card.Card.Data,
            ["usedStorage"] = revision.Files.Sum(f => f.Size),
        };
        if (revision.Dataset is { Description: { Length: > 0 } text }) info["description"] = text;
        if (revision.Type == HubAddress.Model)
        {
            info["modelId"] = revision.Id;
            info["pipeline_tag"] = card.PipelineTag;
            info["library_name"] = card.LibraryName;
            if (card.Parameters is { } parameters) info["safetensors"] = new Dictionary<string, object> { ["parameters"] = parameters, ["total"] = parameters.Values.Sum() };
            info["gguf"] = card.Gguf;
            info["config"] = card.Config is { } config ? ShownConfig.Where(n => config.TryGetProperty(n, out _)).ToDictionary(n => n, n => config.GetProperty(n)) : null;
            info["spaces"] = Array.Empty<string>();
        }
        if (siblings) info["siblings"] = blobs ? (await files.EntriesAsync(revision.Files, ct)).Select(Sibling).ToList() : revision.Files.Select(f => new Dictionary<string, object?> { ["rfilename"] = f.Path }).ToList();
        foreach (var empty in info.Where(i => i.Value is null).Select(i => i.Key).ToList()) info.Remove(empty);
        return info;
    }

    public static Dictionary<string, object?> Entry(HubEntry entry, HubRevision revision, bool expand)
    {
        var shown = new Dictionary<string, object?> { ["type"] = "file", ["oid"] = entry.Oid, ["size"] = entry.Size, ["path"] = entry.Path };
        if (entry.Lfs) shown["lfs"] = Lfs(entry);
        if (expand) shown["lastCommit"] = Commit(revision);
        return shown;
    }

    public static Dictionary<string, object?> Folder(string path, IEnumerable<HubEntry> below, HubRevision revision, bool expand)
    {
        var shown = new Dictionary<string, object?> { ["type"] = "directory", ["oid"] = GitBlobId.Of(Encoding.UTF8.GetBytes(string.Concat(below.Select(e => $"{e.Oid} {e.Path}\n")))), ["size"] = 0, ["path"] = path };
        if (expand) shown["lastCommit"] = Commit(revision);
        return shown;
    }

    public static Dictionary<string, object?> Commit(HubRevision revision)
    {
        var lines = (revision.Description is { Length: > 0 } text ? text : $"Version {revision.Version}").Split('\n', 2);
        return new Dictionary<string, object?>
        {
            ["id"] = revision.Sha,
            ["title"] = lines[0],
            ["message"] = lines.Length > 1 ? lines[1].Trim() : "",
            ["authors"] = new[] { new Dictionary<string, object?> { ["user"] = revision.CreatedBy, ["avatar"] = "" } },
            ["date"] = Time(revision.CreatedMs),
        };
    }

    public static string Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private static Dictionary<string, object?> Sibling(HubEntry entry)
    {
        var shown = new Dictionary<string, object?> { ["rfilename"] = entry.Path, ["size"] = entry.Size, ["blobId"] = entry.Oid };
        if (entry.Lfs) shown["lfs"] = new Dictionary<string, object?> { ["sha256"] = entry.Sha256, ["size"] = entry.Size, ["pointerSize"] = entry.PointerSize };
        return shown;
    }

    private static Dictionary<string, object?> Lfs(HubEntry entry) => new() { ["oid"] = entry.Sha256, ["size"] = entry.Size, ["pointerSize"] = entry.PointerSize };

    private static string IdOf(string type, string id) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{type}/{id}")))[..24];
}
