using System.Security.Cryptography;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Modules.Blobs.Tensors;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Recipes;

/// <summary>
/// Contents made of parts: a changed checkpoint brings only its changed tensors, and only those take space. A part is a blob of its own, or a stretch of a weight
/// file that is here whole.
/// </summary>
internal sealed class RecipeService(BlobStore blobs, IBlobBackend backend, TensorStore tensors, IBlobQuota quota)
{
    /// <summary>Parts are sent as blobs of their own, so they are small enough to be sent again.</summary>
    public const long MaxPart = 1024L * 1024 * 1024;

    /// <exception cref="PilothouseException">InvalidArgument, TooLarge, DigestMismatch (the parts do not give the whole), StorageFull (over the project's quota).</exception>
    public async Task<RecipeState> PutAsync(NewRecipe recipe, CancellationToken ct)
    {
        Check(recipe);
        var digest = BlobStore.Parse(recipe.Digest);
        if (await blobs.FindAsync(recipe.Digest, ct) is { } held)
            return held.Size == recipe.Size ? new RecipeState(true, [], held.Size) : throw Invalid($"The blob {held.Digest} has {held.Size} bytes, not {recipe.Size}.");

        // The whole counts, as it does in the usage: what it shares with others they may delete.
        await quota.RequireRoomAsync(recipe.Project, [(recipe.Digest, recipe.Size)], ct);
        var pieces = await LocateAsync(recipe.Parts, ct);
        var missing = recipe.Parts.Where(p => !pieces.ContainsKey(p.Digest)).Select(p => p.Digest).Distinct(StringComparer.Ordinal).ToList();
        var shared = recipe.Parts.Where(p => pieces.ContainsKey(p.Digest)).Sum(p => p.Size);
        if (missing.Count > 0) return new RecipeState(false, missing, shared);

        var made = new Recipe([.. recipe.Parts.Select(p => pieces[p.Digest])]);
        await using (var whole = blobs.OpenRecipe(made))
        {
            var actual = Digest.FromHash(await SHA256.HashDataAsync(whole, ct));
            if (actual != digest) throw new PilothouseException(ErrorCode.DigestMismatch, $"The parts give the digest {actual}, not {digest}: one of them is another, or the file was changed meanwhile. Nothing was stored.");
        }
        await blobs.AdoptAsync(made, digest, ct);
        return new RecipeState(true, [], shared);
    }

    /// <summary>Which of these parts are nowhere, neither as blobs nor inside weight files.</summary>
    /// <exception cref="PilothouseException">InvalidArgument.</exception>
    public async Task<MissingBlobs> MissingAsync(HaveBlobs parts, CancellationToken ct)
    {
        if (parts.Digests is not { Count: <= WeightLayout.MaxParts }) throw Invalid($"'digests' is a list of at most {WeightLayout.MaxParts} digests. Ask in several calls.");
        var pieces = await LocateAsync([.. parts.Digests.Select(d => new RecipePart(d, -1))], ct);
        return new MissingBlobs([.. parts.Digests.Where(d => !pieces.ContainsKey(d)).Distinct(StringComparer.Ordinal)]);
    }

    /// <summary>Where each part lies; those that are nowhere are left out. What is found is marked as used: the garbage collection leaves the sender its time.</summary>
    private async Task<Dictionary<string, RecipePiece>> LocateAsync(IReadOnlyList<RecipePart> parts, CancellationToken ct)
    {
        var found = new Dictionary<string, RecipePiece>(StringComparer.Ordinal);
        var elsewhere = new List<RecipePart>();
        foreach (var part in parts.DistinctBy(p => p.Digest))
        {
            var digest = BlobStore.Parse(part.Digest);
            if (await backend.TouchAsync(digest, BlobForm.Whole, ct) is not { } size) elsewhere.Add(part);
            else if (size == part.Size || part.Size < 0) found[part.Digest] = new RecipePiece(digest, 0, size);
            else throw Invalid($"The blob {part.Digest} has {size} bytes, not {part.Size}.");
        }
        var used = new HashSet<Digest>();
        foreach (var stretch in await tensors.StretchesAsync([.. elsewhere.Select(p => BlobStore.Parse(p.Digest))], ct))
        {
            if (found.ContainsKey(stretch.Digest.ToString()) || !used.Contains(stretch.Blob) && await backend.TouchAsync(stretch.Blob, BlobForm.Whole, ct) is null) continue;
            used.Add(stretch.Blob);
            found[stretch.Digest.ToString()] = new RecipePiece(stretch.Blob, stretch.Start, stretch.Length);
        }
        return found;
    }

    private static void Check(NewRecipe recipe)
    {
        if (recipe.Parts is not { Count: > 0 and <= WeightLayout.MaxParts }) throw Invalid($"A content is made of 1 to {WeightLayout.MaxParts} parts. Upload it as one file.");
        Int128 sum = 0;
        foreach (var part in recipe.Parts)
        {
            if (part?.Digest is null || part.Size is < 1 or > MaxPart) throw Invalid($"Each part has a digest, and 1 to {MaxPart} bytes.");
            sum += part.Size;
        }
        if (sum != recipe.Size) throw Invalid($"The parts have {sum} bytes together, the whole {recipe.Size}.");
        if (recipe.Parts.GroupBy(p => p.Digest).Any(g => g.Select(p => p.Size).Distinct().Count() > 1)) throw Invalid("A part is given with two sizes.");
    }

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
