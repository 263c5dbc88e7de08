using System.Data.Common;
using System.Globalization;
using System.Text.RegularExpressions;
using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Modules.Blobs.Tensors;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>
/// Finds out what is still needed by looking at every text of the database: a module that starts to name blobs needs no change here, and forgetting one cannot
/// delete its data. A digest that stands anywhere keeps its blob.
/// </summary>
internal sealed partial class BlobGarbage(Db db, BlobStore store, IBlobBackend backend, TensorStore tensors) : IBlobGarbage
{
    /// <summary>The audit log tells what happened for ever; that something once had a digest keeps no content.</summary>
    private const string AuditTables = "aud_";

    /// <summary>Larger documents are files, not lists of files.</summary>
    private const int MaxDocument = 4 * 1024 * 1024;

    public async Task<BlobSweep> SweepAsync(IReadOnlyCollection<string> digests, IReadOnlySet<string> leafTables, long untouchedSinceMs, bool dryRun, CancellationToken ct)
    {
        if (digests.Count == 0) return new BlobSweep([], 0, 0, 0);
        var candidates = digests.Select(BlobStore.Parse).ToHashSet();
        var sweep = await BeginAsync(leafTables, candidates, untouchedSinceMs, dryRun, ct);
        foreach (var digest in candidates) await sweep.TryDeleteAsync(digest, BlobForm.Whole, ct);
        return await EndAsync(sweep, ct);
    }

    /// <summary>The whole store: everything that nothing names.</summary>
    public async Task<BlobSweep> SweepAllAsync(IReadOnlySet<string> leafTables, long untouchedSinceMs, bool dryRun, CancellationToken ct)
    {
        var sweep = await BeginAsync(leafTables, null, untouchedSinceMs, dryRun, ct);
        await foreach (var stored in backend.ListAsync(BlobForm.Whole, ct)) await sweep.TryDeleteAsync(stored.Digest, BlobForm.Whole, ct);
        return await EndAsync(sweep, ct);
    }

    /// <summary>
    /// Recipes go first, all of them before any content they are made of: whatever kills the server in between, what is there can be read. The blobs of a recipe that
    /// stays are needed, whether something names it yet or not.
    /// </summary>
    /// <param name="candidates">Null = all.</param>
    private async Task<Sweep> BeginAsync(IReadOnlySet<string> leafTables, HashSet<Digest>? candidates, long untouchedSinceMs, bool dryRun, CancellationToken ct)
    {
        var needed = await db.ReadAsync(session => MentionsAsync(session, leafTables, ct), ct);
        var sweep = new Sweep(backend, needed, untouchedSinceMs, dryRun);
        var used = new HashSet<UInt128>();
        await foreach (var stored in backend.ListAsync(BlobForm.Recipe, ct))
        {
            if ((candidates is null || candidates.Contains(stored.Digest)) && await sweep.TryDeleteAsync(stored.Digest, BlobForm.Recipe, ct)) continue;
            sweep.Stayed.Add(stored.Digest);
            if (await store.RecipeAsync(stored.Digest, ct) is { } recipe) used.UnionWith(recipe.Pieces.Select(p => Key(p.Blob.Hex)));
        }
        needed.UnionWith(used);
        return sweep;
    }

    private async Task<BlobSweep> EndAsync(Sweep sweep, CancellationToken ct)
    {
        if (!sweep.DryRun && sweep.Deleted.Count > 0) await tensors.RemoveAsync(sweep.Deleted, ct);
        return new BlobSweep([.. sweep.Deleted.Select(d => d.ToString())], sweep.Bytes, sweep.Kept, sweep.Recent);
    }

    /// <summary>Every digest that stands in the database, or in a JSON document that stands there, and so on. Half of a digest identifies it well enough to keep it.</summary>
    private async Task<HashSet<UInt128>> MentionsAsync(DbSession session, IReadOnlySet<string> leafTables, CancellationToken ct)
    {
        var needed = new HashSet<UInt128>();
        var documents = new Stack<string>();
        foreach (var (table, columns) in await TextColumnsAsync(session))
        {
            var isLeaf = leafTables.Contains(table);
            var long64 = string.Join(" OR ", columns.Select(c => $"length({c}) >= 64"));
            await using var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(new CommandDefinition($"SELECT {string.Join(", ", columns)} FROM {table} WHERE {long64}", cancellationToken: ct));
            while (await reader.ReadAsync(ct))
            {
                for (var i = 0; i < columns.Count; i++)
                    if (!reader.IsDBNull(i) && reader.GetValue(i) is string { Length: >= 64 } text) Note(text, needed, isLeaf ? null : documents);
            }
        }
        while (documents.TryPop(out var digest))
        {
            if (Digest.TryParseHex(digest, out var parsed) && await store.ReadDocumentAsync(parsed, MaxDocument, ct) is { } document) Note(document, needed, documents);
        }
        return needed;
    }

    private static void Note(string text, HashSet<UInt128> needed, Stack<string>? documents)
    {
        foreach (var match in DigestText().EnumerateMatches(text))
        {
            var digest = text.AsSpan(match.Index, match.Length);
            if (needed.Add(Key(digest))) documents?.Push(digest.ToString());
        }
    }

    private static UInt128 Key(ReadOnlySpan<char> digest) => UInt128.Parse(digest[..32], NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Tables and their columns of type TEXT; names out of the catalogue, so they can stand in SQL as they are.</summary>
    private static async Task<List<(string Table, List<string> Columns)>> TextColumnsAsync(DbSession session)
    {
        const string sqlite = """
            SELECT t.name AS TableName, c.name AS ColumnName FROM sqlite_master t JOIN pragma_table_info(t.name) c
            WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.type = 'TEXT' ORDER BY t.name, c.cid
            """;
        const string postgres = """
            SELECT table_name::text AS "TableName", column_name::text AS "ColumnName" FROM information_schema.columns
            WHERE table_schema = current_schema() AND data_type = 'text' ORDER BY table_name, ordinal_position
            """;
        var rows = await session.QueryAsync<ColumnRow>(session.Dialect.Name == "sqlite" ? sqlite : postgres);
        return [.. rows.Where(r => !r.TableName.StartsWith(AuditTables, StringComparison.Ordinal)).GroupBy(r => r.TableName).Select(g => (g.Key, g.Select(r => $"\"{r.ColumnName}\"").ToList()))];
    }

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex DigestText();

    private sealed class Sweep(IBlobBackend backend, HashSet<UInt128> needed, long untouchedSinceMs, bool dryRun)
    {
        public bool DryRun => dryRun;

        public HashSet<Digest> Deleted { get; } = [];

        /// <summary>Contents made of others that are still there.</summary>
        public HashSet<Digest> Stayed { get; } = [];

        public long Bytes { get; private set; }

        public int Kept { get; private set; }

        public int Recent { get; private set; }

        /// <returns>True when it is gone (in a dry run: would go).</returns>
        public async Task<bool> TryDeleteAsync(Digest digest, BlobForm form, CancellationToken ct)
        {
            if (form == BlobForm.Whole && Deleted.Contains(digest)) return true;
            if (needed.Contains(Key(digest.Hex)))
            {
                if (form == BlobForm.Whole) Kept++;
                return false;
            }
            if (form == BlobForm.Whole && Stayed.Contains(digest)) return false; // counted when its recipe stayed
            if (await backend.TryDeleteAsync(digest, form, untouchedSinceMs, dryRun, ct) is not { } size)
            {
                Recent++;
                return false;
            }
            Bytes += size;
            Deleted.Add(digest);
            return true;
        }
    }

    private sealed class ColumnRow
    {
        public string TableName { get; set; } = "";
        public string ColumnName { get; set; } = "";
    }
}
