using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>SQL and rules of <c>trk_view</c>.</summary>
internal sealed class RunViewStore(Db db, IAuditLog audit, TimeProvider time) : IRunViews
{
    public const int MaxViews = 200;
    private const int MaxName = 100;
    private const int MaxAddress = 8000;

    public Task<IReadOnlyList<SavedView>> ListAsync(string experimentId, CancellationToken ct)
    {
        var experiment = ExperimentService.ParseId(experimentId);
        const string sql = "SELECT name AS Name, address AS Address, actor AS Actor, updated_ms AS UpdatedMs FROM trk_view WHERE experiment = @experiment ORDER BY name LIMIT @limit";
        return db.ReadAsync<IReadOnlyList<SavedView>>(async session =>
            (await session.QueryAsync<Row>(sql, new { experiment, limit = MaxViews })).ConvertAll(r => new SavedView(r.Name, r.Address, r.Actor, r.UpdatedMs)), ct);
    }

    public Task<SavedView> SaveAsync(string experimentId, NewSavedView view, string actor, CancellationToken ct)
    {
        var experiment = ExperimentService.ParseId(experimentId);
        var name = view.Name.Trim();
        if (name.Length is 0 or > MaxName || name.Any(char.IsControl)) throw Invalid($"A view needs a name of 1 to {MaxName} characters.");
        if (!IsOwn(view.Address, experimentId)) throw Invalid($"A view is an address of this experiment's pages, /experiments/{experimentId}?... or /runs/compare?..., of at most {MaxAddress} characters.");
        var saved = new SavedView(name, view.Address, actor, time.NowMs());
        return db.WriteAsync(async session =>
        {
            if (await ExperimentStore.FindAsync(session, experiment) is null) throw ExperimentService.Missing(experimentId);
            const string upsert = """
                INSERT INTO trk_view (experiment, name, address, actor, updated_ms) VALUES (@experiment, @Name, @Address, @Actor, @UpdatedMs)
                ON CONFLICT (experiment, name) DO UPDATE SET address = excluded.address, actor = excluded.actor, updated_ms = excluded.updated_ms
                """;
            await session.ExecuteAsync(upsert, new { experiment, saved.Name, saved.Address, saved.Actor, saved.UpdatedMs });
            if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_view WHERE experiment = @experiment", new { experiment }) > MaxViews)
                throw new PilothouseException(ErrorCode.FailedPrecondition, $"The experiment has {MaxViews} saved views already. Delete one first.");
            await audit.AppendAsync(session, new AuditEvent(actor, "view.save", $"experiments/{experimentId}", new { name, address = saved.Address }));
            return saved;
        }, ct);
    }

    public Task DeleteAsync(string experimentId, string name, string actor, CancellationToken ct)
    {
        var experiment = ExperimentService.ParseId(experimentId);
        return db.WriteAsync(async session =>
        {
            if (await session.ExecuteAsync("DELETE FROM trk_view WHERE experiment = @experiment AND name = @name", new { experiment, name }) == 0)
                throw new PilothouseException(ErrorCode.NotFound, $"The experiment has no view '{name}'.");
            await audit.AppendAsync(session, new AuditEvent(actor, "view.delete", $"experiments/{experimentId}", new { name }));
        }, ct);
    }

    /// <summary>A view is followed as a link: it must never lead to another place.</summary>
    private static bool IsOwn(string address, string experimentId) => address.Length <= MaxAddress && !address.Any(c => char.IsControl(c) || c is '\\' or '#')
        && new[] { $"/experiments/{experimentId}", "/runs/compare" }.Any(path => address == path || address.StartsWith(path + "?", StringComparison.Ordinal));

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    private sealed class Row
    {
        public string Name { get; set; } = "";
        public string Address { get; set; } = "";
        public string Actor { get; set; } = "";
        public long UpdatedMs { get; set; }
    }
}
