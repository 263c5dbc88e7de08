using Pilothouse.Server.Modules.Gateway.Engines;

namespace Pilothouse.Server.Tests.Modules.Gateway.Engines;

public class ModelCacheTests
{
    [Fact]
    public async Task Requests_at_the_same_time_load_once()
    {
        using var cache = new ModelCache<Loaded>(2, 100);
        var gate = new TaskCompletionSource();
        var loads = 0;
        var rents = Enumerable.Range(0, 20).Select(_ => cache.RentAsync("a", 1, async () =>
        {
            Interlocked.Increment(ref loads);
            await gate.Task;
            return new Loaded();
        }, CancellationToken.None)).ToList();
        gate.SetResult();
        var leases = await Task.WhenAll(rents);
        Assert.Equal(1, loads);
        Assert.Single(leases.Select(l => l.Model).Distinct());
    }

    [Fact]
    public async Task The_least_recently_used_leaves_and_is_freed_after_its_last_use()
    {
        using var cache = new ModelCache<Loaded>(2, 100);
        var a = await RentAsync(cache, "a");
        using (await RentAsync(cache, "b")) { }
        using (await RentAsync(cache, "a")) { }
        var c = await RentAsync(cache, "c"); // b leaves: a was used later
        var d = await RentAsync(cache, "d"); // a leaves, but is still in use
        Assert.Equal(2, cache.Count);
        Assert.False(a.Model.Disposed);
        a.Dispose();
        Assert.True(a.Model.Disposed);
        Assert.False(c.Model.Disposed);
        Assert.False(d.Model.Disposed);
    }

    [Fact]
    public async Task Bytes_bound_the_cache_and_one_model_always_fits()
    {
        using var cache = new ModelCache<Loaded>(10, 100);
        using (await RentAsync(cache, "a", 60)) { }
        using (await RentAsync(cache, "b", 60)) { }
        Assert.Equal(1, cache.Count);
        using (await RentAsync(cache, "huge", 1000)) { }
        Assert.Equal(1, cache.Count);
    }

    [Fact]
    public async Task A_failed_load_is_tried_again()
    {
        using var cache = new ModelCache<Loaded>(2, 100);
        await Assert.ThrowsAsync<InvalidOperationException>(() => cache.RentAsync("a", 1, () => Task.FromException<Loaded>(new InvalidOperationException("broken")), CancellationToken.None));
        using var lease = await RentAsync(cache, "a");
        Assert.False(lease.Model.Disposed);
    }

    [Fact]
    public async Task One_who_leaves_does_not_take_the_load_along()
    {
        using var cache = new ModelCache<Loaded>(2, 100);
        var gate = new TaskCompletionSource<Loaded>();
        using var cancel = new CancellationTokenSource();
        var first = cache.RentAsync("a", 1, () => gate.Task, cancel.Token);
        var second = cache.RentAsync("a", 1, () => throw new InvalidOperationException("loaded twice"), CancellationToken.None);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        gate.SetResult(new Loaded());
        using var lease = await second;
        Assert.False(lease.Model.Disposed);
    }

    private static Task<ModelCache<Loaded>.Lease> RentAsync(ModelCache<Loaded> cache, string digest, long size = 1) => cache.RentAsync(digest, size, () => Task.FromResult(new Loaded()), CancellationToken.None);

    private sealed class Loaded : IDisposable
    {
        public bool Disposed { get; private set; }

        public void Dispose() => Disposed = true;
    }
}
