namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>
/// Loaded models by content digest: each is loaded once, however many requests ask at the same time; the least recently used leaves when the cache is
/// full, and its memory is freed when the last request that uses it ends. A load that fails is not remembered.
/// </summary>
internal sealed class ModelCache<T>(int maxModels, long maxBytes) : IDisposable where T : class, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private long _bytes;

    /// <summary>Digests in the cache now.</summary>
    public int Count
    {
        get { lock (_gate) return _entries.Count; }
    }

    /// <summary>The model, kept alive until the lease is disposed.</summary>
    /// <param name="size">Bytes it counts for.</param>
    /// <param name="load">Loads it; runs once a digest, outside of any lock.</param>
    public async Task<Lease> RentAsync(string digest, long size, Func<Task<T>> load, CancellationToken ct)
    {
        Entry? entry;
        TaskCompletionSource<T>? mine = null;
        lock (_gate)
        {
            if (_entries.TryGetValue(digest, out entry)) _byUse.Remove(entry.Node);
            else
            {
                mine = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
                _entries[digest] = entry = new Entry(digest, size, mine.Task);
                _bytes += size;
            }
            entry.Users++;
            _byUse.AddFirst(entry.Node);
            Evict(keep: entry);
        }
        // The one who asks first pays for the load, but does not take it along when its client leaves: others wait for it.
        if (mine is not null) _ = LoadAsync(entry, mine, load);
        try
        {
            return new Lease(this, entry, await entry.Model.WaitAsync(ct));
        }
        catch
        {
            Return(entry);
            throw;
        }
    }

    public void Dispose()
    {
        lock (_gate)
            foreach (var entry in _entries.Values.ToList()) Remove(entry);
    }

    private async Task LoadAsync(Entry entry, TaskCompletionSource<T> result, Func<Task<T>> load)
    {
        lock (_gate) entry.Users++;
        try
        {
            result.SetResult(await load());
        }
        catch (Exception e)
        {
            lock (_gate) Remove(entry);
            result.SetException(e);
            _ = result.Task.Exception; // observed, also when nobody waits any more
        }
        finally
        {
            Return(entry);
        }
    }

    private void Return(Entry entry)
    {
        lock (_gate)
        {
            entry.Users--;
            if (entry is { Users: 0, Removed: true }) Free(entry);
        }
    }

    private void Evict(Entry keep)
    {
        while ((_entries.Count > maxModels || _bytes > maxBytes) && _byUse.Last is { } last && last.Value != keep) Remove(last.Value);
    }

    private void Remove(Entry entry)
    {
        if (entry.Removed) return;
        entry.Removed = true;
        _entries.Remove(entry.Digest);
        _byUse.Remove(entry.Node);
        _bytes -= entry.Size;
        if (entry.Users == 0) Free(entry);
    }

    private static void Free(Entry entry)
    {
        if (entry.Model.IsCompletedSuccessfully) entry.Model.GetAwaiter().GetResult().Dispose();
    }

    private sealed class Entry
    {
        public Entry(string digest, long size, Task<T> model)
        {
            (Digest, Size, Model) = (digest, size, model);
            Node = new LinkedListNode<Entry>(this);
        }

        public string Digest { get; }
        public long Size { get; }
        public Task<T> Model { get; }
        public LinkedListNode<Entry> Node { get; }
        public int Users { get; set; }
        public bool Removed { get; set; }
    }

    /// <summary>Use of a model; dispose it once.</summary>
    internal sealed class Lease : IDisposable
    {
        private readonly ModelCache<T> _cache;
        private readonly object _entry;

        internal Lease(ModelCache<T> cache, object entry, T model) => (_cache, _entry, Model) = (cache, entry, model);

        public T Model { get; }

        public void Dispose() => _cache.Return((Entry)_entry);
    }
}
