using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>How an alias or stage came to move.</summary>
/// <param name="Kind">set, rollback or delete.</param>
internal sealed record MoveCause(string Actor, string? Reason, string Kind)
{
    public const string Set = "set";
    public const string Rollback = "rollback";
    public const string Delete = "delete";
}

/// <summary>A row of <c>reg_move</c>.</summary>
internal sealed record MoveRow
{
    public long AuditIndex { get; init; }
    public string Type { get; init; } = "";
    public string Name { get; init; } = "";
    public string Pointer { get; init; } = "";
    public string Kind { get; init; } = "";
    public string? OldState { get; init; }
    public string? NewState { get; init; }
    public string Actor { get; init; } = "";
    public string? Reason { get; init; }
    public long TimeMs { get; init; }
}

internal sealed partial class RegistryStore
{
    /// <summary>Moves of one answer.</summary>
    internal const int MaxMoves = 1_000;

    private const string MoveColumns = "audit_index AS AuditIndex, object_type AS Type, name AS Name, pointer AS Pointer, kind AS Kind, old_state AS OldState, new_state AS NewState, actor AS Actor, reason AS Reason, time_ms AS TimeMs";

    /// <summary>Newest first; also of an object that is deleted.</summary>
    /// <param name="pointer"><c>@alias</c> or a stage; null = all of the object.</param>
    public Task<List<MoveRow>> MovesAsync(string type, string name, string? pointer, int limit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<MoveRow>($"""
        SELECT {MoveColumns} FROM reg_move WHERE object_type = @type AND name = @name AND (CAST(@pointer AS TEXT) IS NULL OR pointer = @pointer) ORDER BY audit_index DESC, pointer LIMIT @limit
        """, new { type, name, pointer, limit = Math.Clamp(limit, 1, MaxMoves) }), ct);

    /// <summary>What a pointer points to now; null = nothing.</summary>
    public Task<string?> StateAsync(string type, string name, string pointer, CancellationToken ct) => db.ReadAsync(session => StateAsync(session, type, name, pointer), ct);

    /// <summary>Brings a stage to an earlier set of versions; those that must leave it become archived.</summary>
    /// <param name="expected">The set that it must have now.</param>
    /// <returns>False when it has another by now.</returns>
    public Task<bool> RestoreStageAsync(string type, string name, string stage, string? expected, IReadOnlyList<long> versions, MoveCause cause, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || await StateAsync(session, type, name, stage) != expected) return false;
        var held = Versions(expected);
        await MoveStagesAsync(session, type, name, [.. held.Except(versions).Select(v => (v, stage == Stage.Archived ? Stage.None : Stage.Archived)), .. versions.Except(held).Select(v => (v, stage))], cause, now);
        return await TouchAsync(session, type, name, now);
    }, ct);

    internal static IReadOnlyList<long> Versions(string? state) => state is null ? [] : [.. state.Split(',').Select(v => long.Parse(v, CultureInfo.InvariantCulture))];

    private static async Task<string?> StateAsync(DbSession session, string type, string name, string pointer)
    {
        if (pointer.StartsWith('@'))
            return (await session.ScalarAsync<long?>("SELECT version FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias = pointer[1..] }))?.ToString(CultureInfo.InvariantCulture);
        var versions = await session.QueryAsync<long>($"SELECT version FROM reg_version v WHERE {Live} AND v.stage = @pointer ORDER BY version LIMIT {RegistryRules.MaxListed}", new { type, name, pointer });
        return versions.Count == 0 ? null : string.Join(',', versions.Select(v => v.ToString(CultureInfo.InvariantCulture)));
    }

    private static Task<int> NoteMoveAsync(DbSession session, string type, string name, string pointer, string? oldState, string? newState, MoveCause cause, AuditReceipt receipt, long now) => session.ExecuteAsync("""
        INSERT INTO reg_move (audit_index, object_type, name, pointer, kind, old_state, new_state, actor, reason, time_ms) VALUES (@Index, @type, @name, @pointer, @Kind, @oldState, @newState, @Actor, @Reason, @now)
        """, new { receipt.Index, type, name, pointer, cause.Kind, oldState, newState, cause.Actor, cause.Reason, now });

    /// <summary>Sets stages of versions and notes how the sets of versions of the stages changed. The object is locked.</summary>
    private async Task MoveStagesAsync(DbSession session, string type, string name, IReadOnlyList<(long Version, string To)> moves, MoveCause cause, long now)
    {
        var before = await StagesAsync(session, type, name);
        AuditReceipt? last = null;
        foreach (var (version, to) in moves)
        {
            var from = await session.ScalarAsync<string>($"SELECT stage FROM reg_version v WHERE {Live} AND v.version = @version", new { type, name, version });
            await session.ExecuteAsync("UPDATE reg_version SET stage = @to, updated_ms = @now WHERE object_type = @type AND name = @name AND version = @version", new { to, now, type, name, version });
            if (from != to) last = await audit.AppendAsync(session, new AuditEvent(cause.Actor, $"{type}_version.stage", $"{ObjectType.Subject(type, name)}/{version}", new { OldStage = from, NewStage = to, cause.Reason, Kind = cause.Kind == MoveCause.Set ? null : cause.Kind }));
        }
        if (last is not null) await NoteStagesAsync(session, type, name, before, cause, last, now);
    }

    private static async Task NoteStagesAsync(DbSession session, string type, string name, Dictionary<string, string?> before, MoveCause cause, AuditReceipt receipt, long now)
    {
        foreach (var (stage, state) in await StagesAsync(session, type, name))
            if (before[stage] != state) await NoteMoveAsync(session, type, name, stage, before[stage], state, cause, receipt, now);
    }

    private static async Task<Dictionary<string, string?>> StagesAsync(DbSession session, string type, string name)
    {
        var states = new Dictionary<string, string?>();
        foreach (var stage in Stage.All.Where(s => s != Stage.None)) states[stage] = await StateAsync(session, type, name, stage);
        return states;
    }
}
