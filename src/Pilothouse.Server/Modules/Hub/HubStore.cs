using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>SQL of <c>hub_*</c>.</summary>
internal sealed class HubStore(Db db, IAuditLog audit)
{
    /// <summary>Repositories without files that are listed.</summary>
    private const int MaxEmpty = 1_000;

    /// <returns>False when it is there already.</returns>
    public Task<bool> CreateAsync(string type, string id, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("INSERT INTO hub_repo (repo_type, repo_id, created_by, created_ms) VALUES (@type, @id, @actor, @now) ON CONFLICT (repo_type, repo_id) DO NOTHING", new { type, id, actor, now }) == 0) return false;
        await audit.AppendAsync(session, new AuditEvent(actor, "hub_repo.create", $"hub/{type}s/{id}", new { Type = type }));
        return true;
    }, ct);

    /// <returns>Epoch milliseconds when it was made; null = it was not made here.</returns>
    public Task<long?> CreatedMsAsync(string type, string id, CancellationToken ct) =>
        db.ReadAsync(session => session.ScalarAsync<long?>("SELECT created_ms FROM hub_repo WHERE repo_type = @type AND repo_id = @id", new { type, id }), ct);

    public Task<List<string>> IdsAsync(string type, CancellationToken ct) =>
        db.ReadAsync(session => session.QueryAsync<string>($"SELECT repo_id FROM hub_repo WHERE repo_type = @type ORDER BY repo_id LIMIT {MaxEmpty}", new { type }), ct);

    public async Task<Dictionary<string, string>> GitOidsAsync(IReadOnlyCollection<string> digests, CancellationToken ct)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var byKey = digests.Distinct(StringComparer.Ordinal).ToDictionary(Key, d => d, StringComparer.Ordinal);
        foreach (var part in byKey.Keys.Chunk(500))
        {
            foreach (var row in await db.ReadAsync(session => session.QueryAsync<Row>($"SELECT content_key AS ContentKey, git_oid AS GitOid FROM hub_git_oid WHERE {session.Dialect.In("content_key", "@part")}", new { part }), ct))
                found[byKey[row.ContentKey]] = row.GitOid;
        }
        return found;
    }

    public Task AddGitOidsAsync(IReadOnlyCollection<KeyValuePair<string, string>> oids, CancellationToken ct) => db.WriteAsync(session =>
        session.BulkInsertAsync("hub_git_oid", ["content_key", "git_oid"], oids, (row, oid) =>
        {
            row.Text(Key(oid.Key));
            row.Text(oid.Value);
        }, ignoreDuplicates: true), ct);

    /// <summary>Not the digest as it is written elsewhere: garbage collection would take it for a claim on the blob.</summary>
    private static string Key(string digest) => Convert.ToBase64String(Protocols.Artifacts.Digest.Parse(digest).ToBytes());

    private sealed class Row
    {
        public string ContentKey { get; init; } = "";
        public string GitOid { get; init; } = "";
    }
}
