using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>A data set that a run read, as it was sent.</summary>
internal sealed record DatasetInput(string Name, string Digest, string SourceType, string Source, string? Schema, string? Profile, IReadOnlyList<MlflowPair> Tags);

/// <summary>SQL of what runs read and made: data sets and logged models.</summary>
internal sealed class RunInputStore(Db db)
{
    public const string ContextTag = "mlflow.data.context";

    /// <summary>Notes data sets. A data set of that name and digest, and its tags on this run, are written once: what is sent again changes nothing.</summary>
    public static async Task AddDatasetsAsync(DbSession session, RunStore.RunRow run, IReadOnlyList<DatasetInput> inputs)
    {
        foreach (var input in inputs)
        {
            const string insert = """
                INSERT INTO trk_dataset (experiment, name, digest, source_type, source, schema_text, profile_text)
                VALUES (@Experiment, @Name, @Digest, @SourceType, @Source, @Schema, @Profile) ON CONFLICT (experiment, name, digest) DO NOTHING
                """;
            await session.ExecuteAsync(insert, new { run.Experiment, input.Name, input.Digest, input.SourceType, input.Source, input.Schema, input.Profile });
            var dataset = await session.ScalarAsync<long>("SELECT num FROM trk_dataset WHERE experiment = @Experiment AND name = @Name AND digest = @Digest", new { run.Experiment, input.Name, input.Digest });
            if (await session.ExecuteAsync("INSERT INTO trk_input (run, dataset) VALUES (@Num, @dataset) ON CONFLICT DO NOTHING", new { run.Num, dataset }) == 0) continue;
            var tags = input.Tags.Reverse().DistinctBy(t => t.Key, StringComparer.Ordinal).ToList();
            await session.BulkInsertAsync("trk_input_tag", ["run", "dataset", "key", "value"], tags, (row, tag) =>
            {
                row.Integer(run.Num);
                row.Integer(dataset);
                row.Text(tag.Key);
                row.Text(tag.Value);
            }, ignoreDuplicates: false);
        }
    }

    public static Task AddModelInputsAsync(DbSession session, long run, IReadOnlyList<string> models) =>
        session.BulkInsertAsync("trk_model_input", ["run", "model"], models.Distinct(StringComparer.Ordinal).ToList(), (row, model) =>
        {
            row.Integer(run);
            row.Text(model);
        }, ignoreDuplicates: true);

    /// <summary>Notes models that the run made; the last step of a model counts.</summary>
    public static Task AddModelOutputsAsync(DbSession session, long run, IReadOnlyList<(string Model, long Step)> models) =>
        session.BulkUpsertAsync("trk_model_output", ["run", "model", "step"], models.Reverse().DistinctBy(m => m.Model, StringComparer.Ordinal).ToList(), (row, output) =>
        {
            row.Integer(run);
            row.Text(output.Model);
            row.Integer(output.Step);
        }, "ON CONFLICT (run, model) DO UPDATE SET step = excluded.step");

    /// <summary>Fills data sets and models of runs.</summary>
    /// <param name="modelInputs">runs/search leaves the models out that a run read.</param>
    public static async Task AddToAsync(DbSession session, Dictionary<long, RunStore.RunRow> runs, long[] ids, bool modelInputs)
    {
        var tags = new Dictionary<(long Run, long Dataset), List<MlflowTag>>();
        const string datasets = """
            SELECT i.run, d.num, d.name, d.digest, d.source_type, d.source, d.schema_text, d.profile_text
            FROM trk_input i JOIN trk_dataset d ON d.num = i.dataset WHERE i.run {0} ORDER BY i.run, d.num
            """;
        await session.ScanAsync(datasets, ids, row =>
        {
            var mine = tags[(row.Integer(0), row.Integer(1))] = [];
            runs[row.Integer(0)].DatasetInputs.Add(new MlflowDatasetInput(mine, new MlflowDataset
            {
                Name = row.Text(2),
                Digest = row.Text(3),
                SourceType = row.Text(4),
                Source = row.Text(5),
                Schema = row.IsNull(6) ? null : row.Text(6),
                Profile = row.IsNull(7) ? null : row.Text(7),
            }));
        });
        if (tags.Count > 0)
            await session.ScanAsync("SELECT run, dataset, key, value FROM trk_input_tag WHERE run {0} ORDER BY key", ids, row =>
            {
                if (tags.TryGetValue((row.Integer(0), row.Integer(1)), out var mine)) mine.Add(new MlflowTag(row.Text(2), row.Text(3)));
            });
        await session.ScanAsync("SELECT run, model, step FROM trk_model_output WHERE run {0} ORDER BY run, step, model", ids, row => runs[row.Integer(0)].ModelOutputs.Add(new MlflowModelOutput(row.Text(1), row.Integer(2))));
        if (modelInputs)
            await session.ScanAsync("SELECT run, model FROM trk_model_input WHERE run {0} ORDER BY run, model", ids, row => runs[row.Integer(0)].ModelInputs.Add(new MlflowModelInput(row.Text(1))));
    }

    /// <summary>The data sets of experiments, once for each context they were read in.</summary>
    public Task<List<MlflowDatasetSummary>> SummariesAsync(long[] experiments, int limit, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var sql = $"""
            SELECT DISTINCT d.experiment AS Experiment, d.name AS Name, d.digest AS Digest, t.value AS Context
            FROM trk_dataset d JOIN trk_input i ON i.dataset = d.num LEFT JOIN trk_input_tag t ON t.run = i.run AND t.dataset = i.dataset AND t.key = '{ContextTag}'
            WHERE {session.Dialect.In("d.experiment", "@experiments")} ORDER BY 1, 2, 3, 4 LIMIT @limit
            """;
        var rows = await session.QueryAsync<SummaryRow>(sql, new { experiments, limit });
        return rows.ConvertAll(r => new MlflowDatasetSummary(r.Experiment.ToString(CultureInfo.InvariantCulture), r.Name, r.Digest, r.Context));
    }, ct);

    private sealed class SummaryRow
    {
        public long Experiment { get; set; }
        public string Name { get; set; } = "";
        public string Digest { get; set; } = "";
        public string? Context { get; set; }
    }
}
