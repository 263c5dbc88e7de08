using Microsoft.Extensions.Hosting;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Tensors;

/// <summary>Looks at a new weight file right after it was stored, or when it is first asked for.</summary>
internal sealed class TensorService(TensorStore store, BlobStore blobs, IBlobBackend backend, IEventBus events, TimeProvider time) : ITensors, IHostedService
{
    public async Task<BlobTensors?> FindAsync(string digest, CancellationToken ct)
    {
        var parsed = BlobStore.Parse(digest);
        var (known, tensors) = await store.FindAsync(parsed, ct);
        if (known) return tensors;
        await using var file = await blobs.OpenReadAsync(digest, ct);
        return await IndexAsync(parsed, file, ct);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<BlobStored>("Blobs", OnStoredAsync);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task OnStoredAsync(BlobStored stored, CancellationToken ct)
    {
        if (stored.Size < WeightLayout.MinFile) return;
        var digest = Digest.Parse(stored.Digest);
        // Gone meanwhile, or looked at already: nothing to do.
        await using var file = await blobs.OpenAsync(digest, ct);
        if (file is not null && await IsWeightsAsync(file, ct) && !(await store.FindAsync(digest, ct)).Known) await IndexAsync(digest, file, ct);
    }

    private async Task<BlobTensors?> IndexAsync(Digest digest, Stream file, CancellationToken ct)
    {
        file.Position = 0;
        if (await WeightLayout.TryReadAsync(file, ct) is not { } layout)
        {
            await store.AddAsync(digest, null, [], time.NowMs(), ct);
            return null;
        }
        var (tensors, parts) = await WeightHasher.RunAsync(file, layout, ct);
        // Only of a file that is stored whole: what is made of others has its parts there.
        var whole = file.Length >= WeightLayout.MinFile && parts.Count <= WeightLayout.MaxParts && await backend.TouchAsync(digest, BlobForm.Whole, ct) is not null;
        await store.AddAsync(digest, tensors, whole ? [.. parts.Select(p => new Stretch(p.Digest, digest, p.Part.Offset, p.Part.Length))] : [], time.NowMs(), ct);
        return tensors;
    }

    /// <summary>Other files are not noted: there are many.</summary>
    private static async Task<bool> IsWeightsAsync(Stream file, CancellationToken ct)
    {
        var head = new byte[9];
        file.Position = 0;
        await file.ReadExactlyAsync(head, ct);
        return head.AsSpan().StartsWith("GGUF"u8) || head[8] == '{' && head[7] == 0 && head[6] == 0;
    }
}
