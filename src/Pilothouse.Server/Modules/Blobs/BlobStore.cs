using System.Collections.Concurrent;
using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Recipes;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>
/// Content by digest over a backend. It streams into a temporary file while it is hashed, is fsynced, and only then handed over: a blob is there whole or not at
/// all, whatever kills the server. What is made of parts of other blobs reads like any other.
/// </summary>
internal sealed class BlobStore(IBlobBackend backend, BlobSpool spool, BlobCache cache, IEventBus? events) : IBlobStore, IBlobPacks
{
    /// <summary>Parsed recipes kept in memory.</summary>
    private const int MaxRecipes = 64;

    /// <summary>Blobs of a pack that are read at once, since an object store takes its time for each; at most so many MiB in memory.</summary>
    private const int ReadAtOnce = 16;
    private const int FlushAt = 256 * 1024;
    private readonly ConcurrentDictionary<Digest, Recipe> _recipes = new();

    /// <summary>On this machine's disk, as a server without options has it.</summary>
    internal static BlobStore OnDisk(ServerOptions options, Ids ids, TimeProvider time) =>
        new(new DiskBackend(options, time), new BlobSpool(options, ids), new BlobCache(options, Microsoft.Extensions.Options.Options.Create(new BlobsOptions()), ids, time), null);

    public async Task<BlobInfo> PutAsync(Stream content, string? expected, CancellationToken ct)
    {
        if (expected is not null) _ = Parse(expected);
        var temporary = spool.NewPath();
        try
        {
            var (digest, size) = await BlobSpool.WriteAsync(content, temporary, ct);
            if (expected is not null && digest.ToString() != expected)
                throw new PilothouseException(ErrorCode.DigestMismatch, $"The content received ({size} bytes) has the digest {digest}, not {expected}: it was cut or changed on the way. Nothing was stored; send it again.");
            return await AdoptAsync(temporary, digest, size, ct);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Takes a file whose digest was verified and which is synced to disk.</summary>
    public async Task<BlobInfo> AdoptAsync(string file, Digest digest, long size, CancellationToken ct)
    {
        if (await SizeAsync(digest, ct) is null)
        {
            await backend.CommitAsync(file, digest, BlobForm.Whole, ct);
            if (events is not null) await events.PublishAsync(new BlobStored(digest.ToString(), size), ct);
        }
        return new BlobInfo(digest.ToString(), size);
    }

    /// <summary>Stores how a content is made; the caller has verified it, and marked its blobs as used.</summary>
    public async Task AdoptAsync(Recipe recipe, Digest digest, CancellationToken ct)
    {
        var temporary = spool.NewPath();
        try
        {
            await BlobSpool.WriteAsync(new MemoryStream(recipe.ToBytes()), temporary, ct);
            await backend.CommitAsync(temporary, digest, BlobForm.Recipe, ct);
        }
        finally
        {
            File.Delete(temporary);
        }
        if (events is not null) await events.PublishAsync(new BlobStored(digest.ToString(), recipe.Size), ct);
    }

    public async Task<int> PutPackAsync(Stream pack, Func<IReadOnlyCollection<BlobInfo>, Task>? admit, CancellationToken ct)
    {
        var files = new Dictionary<Digest, string>();
        var fresh = new List<BlobInfo>();
        try
        {
            await foreach (var (digest, content) in BlobPack.ReadAsync(pack, ct))
            {
                if (files.ContainsKey(digest) || await SizeAsync(digest, ct) is not null) continue;
                files[digest] = spool.NewPath();
                await File.WriteAllBytesAsync(files[digest], content, ct);
                fresh.Add(new BlobInfo(digest.ToString(), content.Length));
            }
            if (admit is not null) await admit(fresh);
            await backend.CommitManyAsync([.. files.Select(f => (f.Value, f.Key))], ct);
            return files.Count;
        }
        finally
        {
            foreach (var file in files.Values) File.Delete(file);
        }
    }

    public async Task WritePackAsync(IReadOnlyList<string> digests, Stream target, CancellationToken ct)
    {
        var buffer = new MemoryStream();
        foreach (var some in digests.Select(Parse).Chunk(ReadAtOnce))
        {
            var contents = await Task.WhenAll(some.Select(d => ReadSmallAsync(d, ct)));
            for (var i = 0; i < some.Length; i++)
                if (contents[i] is { } content) BlobPack.Write(buffer, some[i], content);
            if (buffer.Length < FlushAt) continue;
            await target.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), ct);
            buffer.SetLength(0);
        }
        await target.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), ct);
    }

    public async Task<BlobInfo?> FindAsync(string digest, CancellationToken ct) => await SizeAsync(Parse(digest), ct) is { } size ? new BlobInfo(digest, size) : null;

    public async Task<Stream> OpenReadAsync(string digest, CancellationToken ct) => await OpenAsync(Parse(digest), ct) ?? throw Missing(digest);

    public async Task<string> LocalPathAsync(string digest, CancellationToken ct)
    {
        var parsed = Parse(digest);
        if (backend.LocalPath(parsed) is { } path) return path;
        if (await SizeAsync(parsed, ct) is null) throw Missing(digest);
        return await cache.GetAsync(parsed, async token => await OpenAsync(parsed, token) ?? throw Missing(digest), ct);
    }

    /// <returns>Null when it is not there, in whatever form.</returns>
    public async Task<Stream?> OpenAsync(Digest digest, CancellationToken ct) =>
        await backend.OpenAsync(digest, BlobForm.Whole, ct) ?? (await RecipeAsync(digest, ct) is { } recipe ? OpenRecipe(recipe) : null);

    public Stream OpenRecipe(Recipe recipe) =>
        new RecipeStream(recipe, async (blob, ct) => await backend.OpenAsync(blob, BlobForm.Whole, ct) ?? throw new IOException($"The blob {blob}, of which others are made, is missing. Run: pilothouse blobs scrub"));

    /// <returns>Null when it is not there, or stored whole.</returns>
    public async Task<Recipe?> RecipeAsync(Digest digest, CancellationToken ct)
    {
        // Opened, not touched: who only looks (a scrub, the garbage collection) does not use it.
        await using var document = await backend.OpenAsync(digest, BlobForm.Recipe, ct);
        if (document is null) return null;
        if (_recipes.TryGetValue(digest, out var known)) return known;
        if (document.Length > Recipe.MaxDocument) throw new IOException($"The recipe of {digest} is damaged: it has {document.Length} bytes.");
        var bytes = new byte[document.Length];
        await document.ReadExactlyAsync(bytes, ct);
        try
        {
            var recipe = Recipe.Parse(bytes);
            if (_recipes.Count >= MaxRecipes) _recipes.Clear();
            return _recipes[digest] = recipe;
        }
        catch (InvalidDataException e)
        {
            throw new IOException($"The recipe of {digest} is damaged: {e.Message}", e);
        }
    }

    /// <summary>The text of a JSON document; of a content made of parts, its recipe. Null for anything else, and for what is larger.</summary>
    public async Task<string?> ReadDocumentAsync(Digest digest, int maxBytes, CancellationToken ct)
    {
        await using var stream = await backend.OpenAsync(digest, BlobForm.Whole, ct) ?? await backend.OpenAsync(digest, BlobForm.Recipe, ct);
        if (stream is null || stream.Length is 0 || stream.Length > maxBytes) return null;
        var bytes = new byte[stream.Length];
        if (await stream.ReadAsync(bytes.AsMemory(0, 1), ct) == 0 || bytes[0] is not ((byte)'{' or (byte)'[')) return null;
        await stream.ReadExactlyAsync(bytes.AsMemory(1), ct);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <returns>Null when it is not there, or larger than a blob of a pack.</returns>
    private async Task<byte[]?> ReadSmallAsync(Digest digest, CancellationToken ct)
    {
        if (await backend.ReadAsync(digest, BlobPack.MaxBlob, ct) is { } whole) return whole;
        if (await RecipeAsync(digest, ct) is not { Size: <= BlobPack.MaxBlob } recipe) return null;
        await using var made = OpenRecipe(recipe);
        var content = new byte[recipe.Size];
        await made.ReadExactlyAsync(content, ct);
        return content;
    }

    /// <summary>Size of the content in whatever form it is there; marked as used.</summary>
    private async Task<long?> SizeAsync(Digest digest, CancellationToken ct)
    {
        if (await backend.TouchAsync(digest, BlobForm.Whole, ct) is { } size) return size;
        return await backend.TouchAsync(digest, BlobForm.Recipe, ct) is null ? null : (await RecipeAsync(digest, ct))?.Size;
    }

    /// <exception cref="PilothouseException">InvalidArgument: not a SHA-256 digest. Checked to the letter, since it becomes a path.</exception>
    internal static Digest Parse(string digest) => Digest.TryParse(digest, out var parsed)
        ? parsed
        : throw new PilothouseException(ErrorCode.InvalidArgument, $"'{(digest.Length > 80 ? digest[..80] : digest)}' is not a digest. Write sha256: and 64 lower-case hex digits.");

    private static PilothouseException Missing(string digest) => new(ErrorCode.NotFound, $"There is no blob {digest} on this server. Upload it first.");
}
