using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary><c>registered-models/search</c> and <c>model-versions/search</c> as SQL. Prompts appear only when the filter asks for them.</summary>
internal sealed class RegistrySearch(Db db)
{
    public const int MaxModels = 1_000;
    public const int MaxVersions = 200_000;

    /// <param name="limit">Below 1: an empty page with a token, as MLflow's.</param>
    public async Task<(List<ObjectRow> Models, string? NextToken)> ModelsAsync(string? filter, IReadOnlyList<string> orderBy, int limit, string? token, CancellationToken ct)
    {
        var comparisons = MlflowFilter.Parse(filter, MlflowGrammar.RegisteredModels).Comparisons;
        var orders = MlflowOrder.Parse(orderBy, MlflowGrammar.RegisteredModels);
        var (search, type) = (new SortedSearch(db.Dialect), TypeAsked(comparisons));
        foreach (var order in orders) search.Sort(new SortKey(order.Key == "name" ? "o.name" : "o.updated_ms", null, order.Key == "name", order.Descending));
        if (orders.All(o => o.Key != "name")) search.Sort(new SortKey("o.name", null, IsText: true, Descending: false));
        if (token != StartToken) search.StartAfter(token);
        search.And($"o.object_type = {search.Bind(type)}");
        search.And("o.deleted_ms IS NULL");
        foreach (var c in comparisons.Where(c => c.Key != MlflowPrompts.IsPrompt)) search.And(c.Entity == MlflowEntity.Tag ? Tag(search, c, "o", "0") : search.Compare("o.name", c));

        return await db.ReadAsync(async session =>
        {
            var rows = await session.QueryAsync<ObjectRow>($"SELECT {RegistryStore.ObjectColumns} FROM reg_object o WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(Math.Max(limit, 0) + 1)}", search.Args);
            var more = rows.Count > Math.Max(limit, 0);
            if (limit < 1) return ([], more ? token ?? StartToken : null);
            if (more) rows.RemoveAt(limit);
            await RegistryStore.AddDetailsAsync(session, type, rows);
            if (!more) return (rows, null);
            var last = await session.FirstOrDefaultAsync<dynamic>($"SELECT {search.CursorColumns} FROM reg_object o WHERE o.object_type = {search.Bind(type)} AND o.name = {search.Bind(rows[^1].Name)}", search.Args);
            return (rows, (string?)search.TokenOf((IDictionary<string, object?>)last!));
        }, ct);
    }

    public async Task<(List<VersionRow> Versions, string? NextToken)> VersionsAsync(string? filter, IReadOnlyList<string> orderBy, int limit, string? token, CancellationToken ct)
    {
        var comparisons = MlflowFilter.Parse(filter, MlflowGrammar.ModelVersions).Comparisons;
        var orders = MlflowOrder.Parse(orderBy, MlflowGrammar.ModelVersions);
        var (search, type) = (new SortedSearch(db.Dialect), TypeAsked(comparisons));
        foreach (var order in orders) search.Sort(new SortKey(Column(order.Key), null, order.Key == "name", order.Descending));
        if (orders.Count == 0) search.Sort(new SortKey("v.updated_ms", null, IsText: false, Descending: true));
        if (orders.All(o => o.Key != "name")) search.Sort(new SortKey("v.name", null, IsText: true, Descending: false));
        if (orders.All(o => o.Key != "version_number")) search.Sort(new SortKey("v.version", null, IsText: false, Descending: true));
        search.StartAfter(token);
        search.And($"v.object_type = {search.Bind(type)}");
        search.And("v.deleted_ms IS NULL");
        foreach (var c in comparisons.Where(c => c.Key != MlflowPrompts.IsPrompt)) search.And(Condition(search, c, type));

        return await db.ReadAsync(async session =>
        {
            var rows = await session.QueryAsync<VersionRow>($"SELECT {RegistryStore.VersionColumns} FROM reg_version v WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(limit + 1)}", search.Args);
            var more = rows.Count > limit;
            if (more) rows.RemoveAt(limit);
            await RegistryStore.AddDetailsAsync(session, type, rows);
            if (!more) return (rows, null);
            var last = await session.FirstOrDefaultAsync<dynamic>(
                $"SELECT {search.CursorColumns} FROM reg_version v WHERE v.object_type = {search.Bind(type)} AND v.name = {search.Bind(rows[^1].Name)} AND v.version = {search.Bind(rows[^1].Version)}", search.Args);
            return (rows, (string?)search.TokenOf((IDictionary<string, object?>)last!));
        }, ct);
    }

    /// <summary>Token of the first page.</summary>
    private static readonly string StartToken = PageToken.Encode(Array.Empty<CursorValue>());

    /// <summary>As MLflow: the first comparison of the prompt tag decides.</summary>
    private static string TypeAsked(IReadOnlyList<MlflowComparison> comparisons) =>
        comparisons.FirstOrDefault(c => c.Entity == MlflowEntity.Tag && c.Key == MlflowPrompts.IsPrompt) is { } asked
        && (asked.Operator == MlflowOperator.Equal && "true".Equals(asked.Text, StringComparison.OrdinalIgnoreCase) || asked.Operator == MlflowOperator.NotEqual && "false".Equals(asked.Text, StringComparison.OrdinalIgnoreCase))
            ? ObjectType.Prompt : ObjectType.Model;

    private static string Condition(SortedSearch search, MlflowComparison c, string type)
    {
        if (c.Entity == MlflowEntity.Tag)
        {
            var shown = type != ObjectType.Prompt ? null : c.Key switch { MlflowPrompts.Text => "v.template", MlflowPrompts.PromptType => "v.kind", _ => null };
            return shown is null ? Tag(search, c, "v", "v.version")
                : c.Operator switch { MlflowOperator.IsNull => "1 = 0", MlflowOperator.IsNotNull => "1 = 1", _ => search.Compare(shown, c) };
        }
        // version_number = 'x' is allowed by MLflow, and no number is a text.
        if (c is { Key: "version_number", Number: null }) return c.Operator == MlflowOperator.NotEqual ? "1 = 1" : "1 = 0";
        return search.Compare(c.Key switch { "source_path" => "v.source", "run_id" => "v.run_id", _ => Column(c.Key) }, c);
    }

    private static string Tag(SortedSearch search, MlflowComparison c, string owner, string version)
    {
        var tag = $"SELECT 1 FROM reg_tag t WHERE t.object_type = {owner}.object_type AND t.name = {owner}.name AND t.version = {version} AND t.key = {search.Bind(c.Key)}";
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"NOT EXISTS ({tag})",
            MlflowOperator.IsNotNull => $"EXISTS ({tag})",
            _ => $"EXISTS ({tag} AND {search.Compare("t.value", c)})",
        };
    }

    private static string Column(string key) => key switch
    {
        "name" => "v.name",
        "version_number" => "v.version",
        "creation_timestamp" => "v.created_ms",
        "last_updated_timestamp" => "v.updated_ms",
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"Invalid attribute key '{key}'."),
    };
}
