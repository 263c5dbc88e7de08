using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Locks;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Repositories;

public sealed class LockStoreTests
{
    /// <summary>Epoch milliseconds: everything was last touched before.</summary>
    private const long NextCentury = 4_102_444_800_000;

    [Theory, DatabaseData]
    public async Task A_claim_is_made_once_and_keeps_its_blob_from_being_collected(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var store = server.Service<LockStore>();
        var blobs = server.Service<IBlobStore>();
        var (pinned, other) = ((await blobs.PutAsync("pinned"u8.ToArray(), default)).Digest, (await blobs.PutAsync("other"u8.ToArray(), default)).Digest);

        await store.ClaimAsync("shop", [pinned], "ann", default);
        await store.ClaimAsync("shop", [pinned], "bob", default);
        await store.ClaimAsync("shop", [], "bob", default);
        var sweep = await server.Service<IBlobGarbage>().SweepAsync([pinned, other], new HashSet<string>(), NextCentury, dryRun: false, default);

        Assert.Equal((1L, 0L), (await store.CountAsync("shop", default), await store.CountAsync("else", default)));
        Assert.Equal([other], sweep.Deleted);
        Assert.NotNull(await blobs.FindAsync(pinned, default));
    }
}
