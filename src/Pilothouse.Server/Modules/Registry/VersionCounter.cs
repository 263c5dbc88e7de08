using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Hands out version numbers without gaps: the object's row is locked from the look at it to the end of the transaction.</summary>
internal static class VersionCounter
{
    /// <summary>Creates the object's row when there is none, locks it, and returns the version that would be next.</summary>
    /// <exception cref="PilothouseException">FailedPrecondition: the object is of another kind.</exception>
    public static async Task<int> LockAsync(DbSession session, string type, string name, string kind, long nowMs)
    {
        await session.ExecuteAsync("""
            INSERT INTO reg_object (object_type, name, kind, latest_version, created_ms, updated_ms) VALUES (@type, @name, @kind, 0, @nowMs, @nowMs)
            ON CONFLICT (object_type, name) DO NOTHING
            """, new { type, name, kind, nowMs });
        var row = await session.FirstOrDefaultAsync<Row>(
            "SELECT kind, latest_version AS LatestVersion FROM reg_object WHERE object_type = @type AND name = @name" + session.Dialect.ForUpdate, new { type, name });
        if (row!.Kind != kind)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"'{name}' is registered as {row.Kind}; a {kind} version does not belong to it. Register it under another name.");
        return checked((int)(row.LatestVersion + 1));
    }

    public static Task AdvanceAsync(DbSession session, string type, string name, int version, long nowMs) =>
        session.ExecuteAsync("UPDATE reg_object SET latest_version = @version, updated_ms = @nowMs WHERE object_type = @type AND name = @name", new { type, name, version, nowMs });

    private sealed class Row
    {
        public string Kind { get; init; } = "";
        public long LatestVersion { get; init; }
    }
}
