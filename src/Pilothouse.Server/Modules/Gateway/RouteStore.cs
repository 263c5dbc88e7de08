using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway;

internal sealed class RouteStore(Db db)
{
    public Task SaveAsync(GatewayRoute route, long nowMs, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("""
        INSERT INTO gtw_route (name, route, updated_ms) VALUES (@Name, @json, @nowMs)
        ON CONFLICT (name) DO UPDATE SET route = excluded.route, updated_ms = excluded.updated_ms
        """, new { route.Name, json = WireJson.Write(route), nowMs }), ct);

    public Task DeleteAsync(string name, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM gtw_route WHERE name = @name", new { name }), ct);

    public async Task<IReadOnlyList<GatewayRoute>> ListAsync(int limit, CancellationToken ct) =>
        [.. (await db.ReadAsync(session => session.QueryAsync<string>("SELECT route FROM gtw_route ORDER BY name LIMIT @limit", new { limit }), ct)).Select(WireJson.Read<GatewayRoute>)];
}
