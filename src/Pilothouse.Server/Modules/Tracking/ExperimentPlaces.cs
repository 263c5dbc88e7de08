using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Tracking.Api;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Experiments for other modules.</summary>
internal sealed class ExperimentPlaces(Db db) : IExperiments
{
    private const int MaxIds = 1000;
    private const string Sql = "SELECT id AS Id, name AS Name, artifact_location AS ArtifactLocation, lifecycle AS Lifecycle FROM trk_experiment";

    public async Task<ExperimentPlace> GetAsync(string id, CancellationToken ct)
    {
        var number = ExperimentService.ParseId(id);
        var row = await db.ReadAsync(session => session.FirstOrDefaultAsync<Row>($"{Sql} WHERE id = @number", new { number }), ct);
        return row?.ToPlace() ?? throw ExperimentService.Missing(id);
    }

    public async Task<IReadOnlyDictionary<string, ExperimentPlace>> FindAsync(IReadOnlyCollection<string> ids, CancellationToken ct)
    {
        var numbers = ids.Select(id => long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1).Where(n => n >= 0).Distinct().Take(MaxIds).ToArray();
        if (numbers.Length == 0) return new Dictionary<string, ExperimentPlace>();
        var rows = await db.ReadAsync(session => session.QueryAsync<Row>($"{Sql} WHERE {session.Dialect.In("id", "@numbers")} LIMIT {MaxIds}", new { numbers }), ct);
        return rows.Select(r => r.ToPlace()).ToDictionary(p => p.Id);
    }

    private sealed class Row
    {
        public long Id { get; init; }
        public string Name { get; init; } = "";
        public string ArtifactLocation { get; init; } = "";
        public string Lifecycle { get; init; } = "";

        public ExperimentPlace ToPlace() => new(Id.ToString(CultureInfo.InvariantCulture), Name, ArtifactLocation, Lifecycle == Tracking.Lifecycle.Active);
    }
}
