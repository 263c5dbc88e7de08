using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Tensors;

/// <summary>A stretch of a whole blob, by the digest of its bytes.</summary>
internal sealed record Stretch(Digest Digest, Digest Blob, long Start, long Length);

/// <summary>SQL of tensors and of stretches that other contents can be made of.</summary>
internal sealed class TensorStore(Db db)
{
    private const int MaxPerQuery = 500;
    private const int MaxTensors = 1_000_000;

    /// <returns>False when the blob was not looked at yet; else its tensors, or null for no weight file.</returns>
    public Task<(bool Known, BlobTensors? Tensors)> FindAsync(Digest blob, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var key = new { blob = blob.ToBytes(), limit = MaxTensors };
        var weights = await session.FirstOrDefaultAsync<WeightsRow>("SELECT format AS Format FROM blb_weights WHERE blob = @blob", key);
        if (weights is null) return (false, (BlobTensors?)null);
        if (weights.Format is null) return (true, null);
        var rows = await session.QueryAsync<TensorRow>("SELECT name AS Name, dtype AS Dtype, shape AS Shape, start AS Start, length AS Length, digest AS Digest FROM blb_tensor WHERE blob = @blob ORDER BY idx LIMIT @limit", key);
        return (true, new BlobTensors(weights.Format, rows.ConvertAll(r => new TensorDigest(r.Name, r.Dtype, WireJson.Read<long[]>(r.Shape), r.Start, r.Length, Text(r.Digest)))));
    }, ct);

    /// <summary>Keeps what was computed of a blob; once more is harmless.</summary>
    public Task AddAsync(Digest blob, BlobTensors? tensors, IReadOnlyCollection<Stretch> stretches, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var key = blob.ToBytes();
        await session.BulkInsertAsync("blb_tensor", ["blob", "idx", "name", "dtype", "shape", "start", "length", "digest"], tensors?.Tensors.Index().ToList() ?? [], (row, t) =>
        {
            row.Bytes(key);
            row.Integer(t.Index);
            row.Text(t.Item.Name);
            row.Text(t.Item.Dtype);
            row.Text(WireJson.Write(t.Item.Shape));
            row.Integer(t.Item.Offset);
            row.Integer(t.Item.Length);
            row.Bytes(Digest.Parse(t.Item.Digest).ToBytes());
        }, ignoreDuplicates: true);
        await session.BulkInsertAsync("blb_part", ["digest", "blob", "start", "length"], stretches, (row, s) =>
        {
            row.Bytes(s.Digest.ToBytes());
            row.Bytes(s.Blob.ToBytes());
            row.Integer(s.Start);
            row.Integer(s.Length);
        }, ignoreDuplicates: true);
        await session.ExecuteAsync("INSERT INTO blb_weights (blob, format, indexed_ms) VALUES (@key, @format, @now) ON CONFLICT DO NOTHING", new { key, format = tensors?.Format, now });
    }, ct);

    /// <summary>Stretches with these digests, wherever they lie.</summary>
    public Task<List<Stretch>> StretchesAsync(IReadOnlyCollection<Digest> digests, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var found = new List<Stretch>();
        foreach (var chunk in digests.Chunk(MaxPerQuery))
        {
            var rows = await session.QueryAsync<PartRow>($"SELECT digest AS Digest, blob AS Blob, start AS Start, length AS Length FROM blb_part WHERE {session.Dialect.In("digest", "@chunk")} ORDER BY blob, start",
                new { chunk = chunk.Select(d => d.ToBytes()).ToArray() });
            found.AddRange(rows.Select(r => new Stretch(Digest.FromHash(r.Digest), Digest.FromHash(r.Blob), r.Start, r.Length)));
        }
        return found;
    }, ct);

    /// <summary>The blobs are gone.</summary>
    public Task RemoveAsync(IReadOnlyCollection<Digest> blobs, CancellationToken ct) => db.WriteAsync(async session =>
    {
        foreach (var chunk in blobs.Chunk(MaxPerQuery))
        {
            var keys = new { chunk = chunk.Select(d => d.ToBytes()).ToArray() };
            foreach (var table in (string[])["blb_tensor", "blb_part", "blb_weights"]) await session.ExecuteAsync($"DELETE FROM {table} WHERE {session.Dialect.In("blob", "@chunk")}", keys);
        }
    }, ct);

    private static string Text(byte[] digest) => Digest.FromHash(digest).ToString();

    private sealed class WeightsRow
    {
        public string? Format { get; set; }
    }

    private sealed class TensorRow
    {
        public string Name { get; set; } = "";
        public string Dtype { get; set; } = "";
        public string Shape { get; set; } = "";
        public long Start { get; set; }
        public long Length { get; set; }
        public byte[] Digest { get; set; } = [];
    }

    private sealed class PartRow
    {
        public byte[] Digest { get; set; } = [];
        public byte[] Blob { get; set; } = [];
        public long Start { get; set; }
        public long Length { get; set; }
    }
}
