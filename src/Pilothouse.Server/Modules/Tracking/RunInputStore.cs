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
        var args = new { ids };
        var datasets = $"""
            SELECT i.run AS Run, d.num AS Num, d.name AS Name, d.digest AS Digest, d.source_type AS SourceType, d.source AS Source, d.schema_text AS SchemaText, d.profile_text AS ProfileText
            FROM trk_input i JOIN trk_dataset d ON d.num = i.dataset WHERE {session.Dialect.In("i.run", "@ids")} ORDER BY i.run, d.num
            """;
        var inputs = await session.QueryAsync<InputRow>(datasets, args);
        if (inputs.Count > 0)
        {
            var tags = (await session.QueryAsync<InputTagRow>($"SELECT run AS Run, dataset AS Dataset, key AS Key, value AS Value FROM trk_input_tag WHERE {session.Dialect.In("run", "@ids")} ORDER BY key", args)).ToLookup(t => (t.Run, t.Dataset));
            foreach (var input in inputs) runs[input.Run].DatasetInputs.Add(input.ToMlflow([.. tags[(input.Run, input.Num)].Select(t => new MlflowTag(t.Key, t.Value))]));
        }
        foreach (var output in await session.QueryAsync<ModelRow>($"SELECT run AS Run, model AS Model, step AS Step FROM trk_model_output WHERE {session.Dialect.In("run", "@ids")} ORDER BY run, step, model", args))
            runs[output.Run].ModelOutputs.Add(new MlflowModelOutput(output.Model, output.Step));
        if (!modelInputs) return;
        foreach (var input in await session.QueryAsync<ModelRow>($"SELECT run AS Run, model AS Model FROM trk_model_input WHERE {session.Dialect.In("run", "@ids")} ORDER BY run, model", args))
            runs[input.Run].ModelInputs.Add(new MlflowModelInput(input.Model));
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

    private sealed class InputRow
    {
        public long Run { get; set; }
        public long Num { get; set; }
        public string Name { get; set; } = "";
        public string Digest { get; set; } = "";
        public string SourceType { get; set; } = "";
        public string Source { get; set; } = "";
        public string? SchemaText { get; set; }
        public string? ProfileText { get; set; }

        public MlflowDatasetInput ToMlflow(List<MlflowTag> tags) =>
            new(tags, new MlflowDataset { Name = Name, Digest = Digest, SourceType = SourceType, Source = Source, Schema = SchemaText, Profile = ProfileText });
    }

    private sealed class InputTagRow
    {
        public long Run { get; set; }
        public long Dataset { get; set; }
        public string Key { get; set; } = "";
        public string Value { get; set; } = "";
    }

    private sealed class ModelRow
    {
        public long Run { get; set; }
        public string Model { get; set; } = "";
        public long Step { get; set; }
    }

    private sealed class SummaryRow
    {
        public long Experiment { get; set; }
        public string Name { get; set; } = "";
        public string Digest { get; set; } = "";
        public string? Context { get; set; }
    }
}
