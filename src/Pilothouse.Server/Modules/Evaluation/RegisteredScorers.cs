using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Scorers as MLflow's clients register them: versions of a serialized object per experiment and name. They run in the clients.</summary>
internal sealed class RegisteredScorers(RegisteredScorerStore store, IExperiments experiments, Ids ids, TimeProvider time)
{
    private const int MaxName = 500;
    private const int MaxSerialized = 1_000_000;

    public async Task<MlflowRegisteredScorer> RegisterAsync(string experimentId, string name, string serialized, CancellationToken ct)
    {
        if (name.Length > MaxName) throw new PilothouseException(ErrorCode.InvalidArgument, $"'name' exceeds the maximum length of {MaxName} characters");
        if (serialized.Length > MaxSerialized) throw new PilothouseException(ErrorCode.InvalidArgument, $"'serialized_scorer' exceeds the maximum length of {MaxSerialized} characters");
        var experiment = await experiments.GetAsync(experimentId, ct);
        var row = await store.RegisterAsync(experiment.Id, name.Replace('\0', ' '), serialized.Replace('\0', ' '), ids.New(), time.NowMs(), ct);
        return new MlflowRegisteredScorer((int)row.Version, row.ScorerId, experiment.Id, row.Name, row.Serialized, row.CreatedMs);
    }

    /// <summary>The newest version of each, by name.</summary>
    public async Task<MlflowScorers> ListAsync(string experimentId, CancellationToken ct)
    {
        var experiment = await experiments.GetAsync(experimentId, ct);
        return new MlflowScorers((await store.ListAsync(experiment.Id, ct)).ConvertAll(ToMlflow));
    }

    public async Task<MlflowScorers> VersionsAsync(string experimentId, string name, CancellationToken ct)
    {
        var experiment = await experiments.GetAsync(experimentId, ct);
        var rows = await store.VersionsAsync(experiment.Id, name, ct);
        return rows.Count > 0 ? new MlflowScorers(rows.ConvertAll(ToMlflow)) : throw Missing(experiment.Id, name, null);
    }

    /// <param name="version">Null = the newest.</param>
    public async Task<MlflowScorer> GetAsync(string experimentId, string name, long? version, CancellationToken ct)
    {
        var experiment = await experiments.GetAsync(experimentId, ct);
        var rows = await store.VersionsAsync(experiment.Id, name, ct);
        return (version is null ? rows.LastOrDefault() : rows.Find(r => r.Version == version)) is { } row ? ToMlflow(row) : throw Missing(experiment.Id, name, version);
    }

    /// <param name="version">Null = all.</param>
    public async Task DeleteAsync(string experimentId, string name, long? version, CancellationToken ct)
    {
        var experiment = await experiments.GetAsync(experimentId, ct);
        if (!await store.DeleteAsync(experiment.Id, name, version, ct)) throw Missing(experiment.Id, name, version);
    }

    private static MlflowScorer ToMlflow(ScorerRow row) => new(long.Parse(row.ExperimentId, CultureInfo.InvariantCulture), row.Name, (int)row.Version, row.Serialized, row.CreatedMs, row.ScorerId);

    private static PilothouseException Missing(string experimentId, string name, long? version) =>
        new(ErrorCode.NotFound, $"Scorer with name '{(name.Length <= 100 ? name : name[..100])}'{(version is null ? "" : $" and version {version}")} not found for experiment {experimentId}.");
}

/// <summary>SQL of <c>evl_scorer</c> and its versions.</summary>
internal sealed class RegisteredScorerStore(Db db)
{
    private const int MaxScorers = 10_000;
    private const string Select = "SELECT s.scorer_id AS ScorerId, s.experiment_id AS ExperimentId, s.name, v.version, v.serialized, v.created_ms AS CreatedMs FROM evl_scorer s JOIN evl_scorer_version v ON v.scorer_id = s.scorer_id";

    public Task<ScorerRow> RegisterAsync(string experimentId, string name, string serialized, string newId, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("INSERT INTO evl_scorer (scorer_id, experiment_id, name) VALUES (@newId, @experimentId, @name) ON CONFLICT (experiment_id, name) DO NOTHING", new { newId, experimentId, name });
        var scorerId = await session.ScalarAsync<string>($"SELECT scorer_id FROM evl_scorer WHERE experiment_id = @experimentId AND name = @name{session.Dialect.ForUpdate}", new { experimentId, name });
        var version = 1 + await session.ScalarAsync<long>("SELECT COALESCE(MAX(version), 0) FROM evl_scorer_version WHERE scorer_id = @scorerId", new { scorerId });
        await session.ExecuteAsync("INSERT INTO evl_scorer_version (scorer_id, version, serialized, created_ms) VALUES (@scorerId, @version, @serialized, @now)", new { scorerId, version, serialized, now });
        return new ScorerRow { ScorerId = scorerId!, ExperimentId = experimentId, Name = name, Version = version, Serialized = serialized, CreatedMs = now };
    }, ct);

    public Task<List<ScorerRow>> ListAsync(string experimentId, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<ScorerRow>(
        $"{Select} WHERE s.experiment_id = @experimentId AND v.version = (SELECT MAX(version) FROM evl_scorer_version w WHERE w.scorer_id = s.scorer_id) ORDER BY s.name{session.Dialect.Binary} LIMIT {MaxScorers}", new { experimentId }), ct);

    /// <summary>Oldest first.</summary>
    public Task<List<ScorerRow>> VersionsAsync(string experimentId, string name, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<ScorerRow>(
        $"{Select} WHERE s.experiment_id = @experimentId AND s.name = @name ORDER BY v.version LIMIT {MaxScorers}", new { experimentId, name }), ct);

    /// <returns>False when there is nothing to delete.</returns>
    public Task<bool> DeleteAsync(string experimentId, string name, long? version, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var scorerId = await session.ScalarAsync<string>($"SELECT scorer_id FROM evl_scorer WHERE experiment_id = @experimentId AND name = @name{session.Dialect.ForUpdate}", new { experimentId, name });
        if (scorerId is null) return false;
        var deleted = await session.ExecuteAsync($"DELETE FROM evl_scorer_version WHERE scorer_id = @scorerId{(version is null ? "" : " AND version = @version")}", new { scorerId, version });
        await session.ExecuteAsync("DELETE FROM evl_scorer WHERE scorer_id = @scorerId AND NOT EXISTS (SELECT 1 FROM evl_scorer_version v WHERE v.scorer_id = @scorerId)", new { scorerId });
        return deleted > 0;
    }, ct);
}

internal sealed class ScorerRow
{
    public string ScorerId { get; init; } = "";
    public string ExperimentId { get; init; } = "";
    public string Name { get; init; } = "";
    public long Version { get; init; }
    public string Serialized { get; init; } = "";
    public long CreatedMs { get; init; }
}
