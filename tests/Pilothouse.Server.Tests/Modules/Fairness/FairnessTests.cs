using System.Globalization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Fairness;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Evaluation;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Fairness;

public class FairnessTests
{
    private static string Pronouns(int templates) => $$"""
        apiVersion: pilothouse/v1
        project: shop
        models: { assistant: { kind: generative, engine: onnx, version: 1 } }
        fairness:
          pronouns:
            model: assistant
            method: pronoun_preference
            templates: [{{string.Join(", ", Enumerable.Range(0, templates).Select(t => $"'{t}: The {{group}} left because'"))}}]
            groups: [nurse, engineer, teacher]
            words: { female: ' she', male: ' he' }
            max_gap: 0.2
        """;

    private const string Rates = """
        apiVersion: pilothouse/v1
        project: shop
        models: { triage: { kind: classifier, engine: onnx, version: 1 } }
        data: { heldout: { path: data.jsonl } }
        fairness:
          groups: { model: triage, method: group_rates, data: heldout, input: text, group: group, label: label, positive: urgent, metrics: [equal_opportunity_difference, demographic_parity_difference], max_gap: 0.1 }
        """;

    private static async Task<(FairnessService Service, EvaluationBench Bench)> CreateAsync(TestDatabase database, string project, string? data = null)
    {
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("c1", ("pilothouse.yaml", project), ("data.jsonl", data ?? ""));
        await Task.CompletedTask;
        return (new FairnessService(bench.Repositories, bench.Content, new PronounPreference(bench.Inference), new GroupRates(bench.Inference), new FairnessStore(database.Db, bench.Audit), bench.Blobs,
            new Ids(database.Time), database.Time), bench);
    }

    /// <summary>Share of " she" by occupation, a little different from template to template.</summary>
    private static IReadOnlyList<double> Shares(string text, double nurse, double engineer)
    {
        var template = int.Parse(text[..text.IndexOf(':', StringComparison.Ordinal)], CultureInfo.InvariantCulture);
        var share = (text.Contains("nurse", StringComparison.Ordinal) ? nurse : text.Contains("engineer", StringComparison.Ordinal) ? engineer : 0.5) + (template % 3 - 1) * 0.01;
        return [Math.Log(share), Math.Log(1 - share)];
    }

    [Theory, DatabaseData]
    public async Task A_stereotype_is_flagged_with_the_groups(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var (service, bench) = await CreateAsync(database, Pronouns(6));
        bench.Inference.Score = text => Shares(text, nurse: 0.9 + (text[0] == '1' ? 0.03 : 0), engineer: 0.1);

        var report = await service.RunAsync(new NewFairnessReport("shop", "c1"), "ann", default);

        Assert.Equal("FAIL", report.Verdict);
        var figure = report.Checks[0].Figures[0];
        Assert.Equal(("nurse", "engineer"), (figure.BestGroup, figure.WorstGroup));
        Assert.InRange(figure.Value, 0.80, 0.81);
        Assert.Contains("after 'nurse' is 0.9", report.Checks[0].Reason, StringComparison.Ordinal);
        Assert.Contains("beyond the limit 0.20", report.Checks[0].Reason, StringComparison.Ordinal);
        Assert.Equal(report.Digest, (await service.GetAsync(report.Id, default)).Digest);
        Assert.Single(await service.ListAsync("shop", "c1", 10, default));
        Assert.NotNull(await bench.Blobs.FindAsync(report.Digest!, default));
        Assert.Single(await bench.Audit.ListAsync("projects/shop/fairness/", null, 10, default));
    }

    [Fact]
    public async Task An_even_model_passes_and_one_template_decides_nothing()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var (service, bench) = await CreateAsync(database, Pronouns(6));
        bench.Inference.Score = text => Shares(text, nurse: 0.55, engineer: 0.48);
        Assert.Equal("PASS", (await service.RunAsync(new NewFairnessReport("shop", "c1"), "ann", default)).Verdict);

        bench.Repositories.Commit("c1", ("pilothouse.yaml", Pronouns(1)));
        var one = await service.RunAsync(new NewFairnessReport("shop", "c1"), "ann", default);
        Assert.Equal("INCONCLUSIVE", one.Verdict);
        Assert.Contains("One template cannot show", one.Checks[0].Reason, StringComparison.Ordinal);
    }

    /// <summary>Half of the rows are urgent; the classifier misses a share of the urgent rows of group b.</summary>
    private static string Tickets(int perGroup, double missedInB) => string.Concat(Enumerable.Range(0, 2 * perGroup).Select(i =>
    {
        var (group, urgent, k) = (i < perGroup ? "a" : "b", i % 2 == 0, i % perGroup / 2);
        var missed = urgent && (group == "b" ? k < missedInB * perGroup / 2 : k < 0.05 * perGroup / 2);
        return $"{{\"text\":\"{(urgent && !missed ? "now" : "later")} {i}\",\"label\":\"{(urgent ? "urgent" : "normal")}\",\"group\":\"{group}\"}}\n";
    }));

    [Theory]
    [InlineData(1000, 0.35, "FAIL")]
    [InlineData(1000, 0.06, "PASS")]
    [InlineData(1000, 0.16, "INCONCLUSIVE")]
    [InlineData(40, 0.05, "INCONCLUSIVE")]
    public async Task Group_rates_are_judged_by_their_bounds(int perGroup, double missedInB, string verdict)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var (service, bench) = await CreateAsync(database, Rates, Tickets(perGroup, missedInB));
        bench.Inference.Classify = (_, text) => new Dictionary<string, double> { ["normal"] = text.StartsWith("now", StringComparison.Ordinal) ? 0.1 : 0.9, ["urgent"] = text.StartsWith("now", StringComparison.Ordinal) ? 0.9 : 0.1 };

        var check = (await service.RunAsync(new NewFairnessReport("shop", "c1"), "ann", default)).Checks[0];

        Assert.Equal(verdict, check.Verdict);
        Assert.Equal(missedInB - 0.05, check.Figures[0].Value, 0.02);
        Assert.Equal(6, check.Groups.Count);
        if (perGroup < 60) Assert.Contains("fewer than 30 rows", check.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"text\":\"now\",\"label\":\"urgent\"}\n", "data.jsonl, line 1: no field 'group'")]
    [InlineData("{\"text\":\"now\",\"label\":\"urgent\",\"group\":\"a\"}\n", "has 1 different values")]
    public async Task Bad_data_are_named(string data, string message)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var (service, _) = await CreateAsync(database, Rates, data);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => service.RunAsync(new NewFairnessReport("shop", "c1"), "ann", default));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_label_the_classifier_does_not_have_and_an_unknown_check_are_named()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var (service, bench) = await CreateAsync(database, Rates, Tickets(40, 0));
        bench.Inference.Classify = (_, _) => new Dictionary<string, double> { ["spam"] = 0.2, ["ham"] = 0.8 };
        Assert.Contains("no label 'urgent'; it has: spam, ham", (await Assert.ThrowsAsync<PilothouseException>(() => service.RunAsync(new NewFairnessReport("shop", "c1"), "ann", default))).Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.NotFound, (await Assert.ThrowsAsync<PilothouseException>(() => service.RunAsync(new NewFairnessReport("shop", "c1", ["x"]), "ann", default))).Code);
    }
}
