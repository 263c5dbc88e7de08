using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;

namespace Pilothouse.Server.Modules.Registry.Diffs;

/// <summary>Comparisons of models, each made once: the answer of two digests never changes.</summary>
internal sealed class ModelDiffService(IModels models, IBlobStore blobs, DiffCache cache) : IModelDiffs, IDisposable
{
    /// <summary>Bytes, of both versions, that are compared while somebody waits for a page.</summary>
    internal const long QuickBytes = 1L << 30;

    /// <summary>Comparisons of contents under way: each reads two files as fast as it can.</summary>
    private const int MaxAtOnce = 2;

    private readonly SemaphoreSlim _room = new(MaxAtOnce);
    private readonly ModelComparison _comparison = new(blobs);

    public async Task<ModelDiff> CompareAsync(string from, string to, DiffDepth depth, CancellationToken ct)
    {
        var (a, b) = (await models.GetAsync(from, ct), await models.GetAsync(to, ct));
        var key = (a.RequireDigest(), b.RequireDigest());
        // The references are not part of the content: the same pair may be known by other names.
        if (await cache.FindAsync(key, ct) is { } known) return known with { From = a.Reference, To = b.Reference };
        if (depth == DiffDepth.Headers || depth == DiffDepth.Quick && a.Size + b.Size > QuickBytes) return await _comparison.CompareAsync(a, b, content: false, ct);
        await _room.WaitAsync(ct);
        try
        {
            if (await cache.FindAsync(key, ct) is { } meanwhile) return meanwhile with { From = a.Reference, To = b.Reference };
            var diff = await _comparison.CompareAsync(a, b, content: true, ct);
            await cache.PutAsync(key, diff, ct);
            return diff;
        }
        finally
        {
            _room.Release();
        }
    }

    public void Dispose() => _room.Dispose();
}
