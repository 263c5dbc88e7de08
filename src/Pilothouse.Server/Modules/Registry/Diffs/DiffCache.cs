using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry.Diffs;

/// <summary>
/// Files under <c>cache/diffs</c>, one a pair of digests. Not in the database: a digest that stands there keeps its blob alive. May be deleted at any time.
/// </summary>
internal sealed class DiffCache(ServerOptions options, Ids ids)
{
    /// <summary>Comparisons that are kept; the oldest go.</summary>
    private const int MaxFiles = 1_000;

    /// <summary>Changes with the form of the document, and when what was kept turned out to be wrong.</summary>
    private const string Form = "2";

    private string Root => Path.Combine(options.Data, "cache", "diffs");

    public async Task<ModelDiff?> FindAsync((string From, string To) key, CancellationToken ct)
    {
        try
        {
            return WireJson.Read<ModelDiff>(await File.ReadAllTextAsync(PathOf(key), ct));
        }
        catch (Exception e) when (e is IOException or System.Text.Json.JsonException)
        {
            return null; // not there, or cut short by a stop: it is made again
        }
    }

    public async Task PutAsync((string From, string To) key, ModelDiff diff, CancellationToken ct)
    {
        Directory.CreateDirectory(Root);
        Directory.CreateDirectory(options.TemporaryPath);
        var temporary = Path.Combine(options.TemporaryPath, ids.New());
        await File.WriteAllTextAsync(temporary, WireJson.Write(diff), ct);
        File.Move(temporary, PathOf(key), overwrite: true);
        var files = new DirectoryInfo(Root).GetFiles();
        if (files.Length <= MaxFiles) return;
        foreach (var old in files.OrderBy(f => f.LastWriteTimeUtc).Take(files.Length - MaxFiles + MaxFiles / 10)) old.Delete();
    }

    private string PathOf((string From, string To) key) => Path.Combine(Root, $"{Digest.Parse(key.From).Hex[..32]}-{Digest.Parse(key.To).Hex[..32]}-{Form}.json");
}
