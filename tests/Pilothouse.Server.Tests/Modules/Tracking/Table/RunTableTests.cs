using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking.Table;

public class RunTableTests
{
    private static readonly RunQuery All = new("0", null, [], RunStage.Active, false);

    [Theory, DatabaseData]
    public async Task Groups_have_the_spread_of_their_latest_values(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        foreach (var (lr, loss) in new (string?, double)[] { ("0.1", 3), ("0.1", 5), ("0.1", 4), ("0.01", 1e9 + 1), ("0.01", 1e9 + 2), (null, 7), ("0.2", double.NaN), ("0.2", double.PositiveInfinity) })
            await RunAsync(server, lr is null ? [] : [("lr", lr)], [], ("loss", loss));

        var groups = await server.Service<IRunTable>().GroupAsync(All, "params.lr", ["loss", "no-such"], default);

        Assert.False(groups.More);
        Assert.Equal(["0.1", "0.01", "0.2", null], groups.Groups.Select(g => g.Value));
        Assert.Equal([3, 2, 2, 1], groups.Groups.Select(g => g.Runs));
        Assert.Equal(new MetricSpread(3, 4, 3, 5, 1), groups.Groups[0].Metrics["loss"]);
        var large = groups.Groups[1].Metrics["loss"];
        Assert.Equal(1e9 + 1.5, large.Mean);
        Assert.Equal(Math.Sqrt(0.5), large.Deviation, 6);
        Assert.Empty(groups.Groups[2].Metrics);
        Assert.Equal(0, groups.Groups[3].Metrics["loss"].Deviation);
    }

    [Theory, DatabaseData]
    public async Task Groups_follow_the_filter_and_may_be_of_tags_and_attributes(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        foreach (var i in Enumerable.Range(0, 6)) await RunAsync(server, [("lr", $"{i}")], [("team", i % 2 == 0 ? "nlp" : "vision")], ("loss", i));
        var table = server.Service<IRunTable>();

        var groups = await table.GroupAsync(All with { Filter = "metrics.loss < 5" }, "tags.team", ["loss"], default);
        Assert.Equal([("nlp", 3, 2.0), ("vision", 2, 2.0)], groups.Groups.Select(g => (g.Value!, g.Runs, g.Metrics["loss"].Mean)));
        Assert.Equal("RUNNING", Assert.Single((await table.GroupAsync(All, "attributes.status", [], default)).Groups).Value);
        foreach (var by in new[] { "metrics.loss", "start_time", "datasets.name" })
            await Assert.ThrowsAnyAsync<Exception>(() => table.GroupAsync(All, by, [], default));
    }

    [Theory, DatabaseData]
    public async Task Children_hang_below_their_parent_and_an_orphan_stands_at_the_top(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var table = server.Service<IRunTable>();
        var parent = await RunAsync(server, [], []);
        var children = new List<string>();
        for (var i = 0; i < 3; i++) children.Add(await RunAsync(server, [], [("mlflow.parentRunId", parent)]));
        var orphan = await RunAsync(server, [], [("mlflow.parentRunId", "0123456789abcdef0123456789abcdef")]);

        var top = await table.SearchAsync(All with { TopLevelOnly = true }, 10, null, default);
        Assert.Equal(new[] { orphan, parent }.Order(), top.Items.Select(r => r.Id).Order());
        Assert.Equal(3, (await table.ChildCountsAsync([parent, orphan], RunStage.Active, default))[parent]);
        Assert.Equal(children, (await table.ChildrenAsync(parent, RunStage.Active, 10, default)).Select(r => r.Id));

        await table.MoveAsync("0", [parent], RunStage.Deleted, "maria", default);
        Assert.Equal(4, (await table.SearchAsync(All with { TopLevelOnly = true }, 10, null, default)).Items.Count);
    }

    [Theory, DatabaseData]
    public async Task Many_runs_are_deleted_restored_and_tagged_at_once_or_not_at_all(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var table = server.Service<IRunTable>();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++) ids.Add(await RunAsync(server, [], []));

        var missing = await Assert.ThrowsAsync<PilothouseException>(() => table.MoveAsync("0", [.. ids, "nobody"], RunStage.Deleted, "maria", default));
        Assert.Equal(ErrorCode.NotFound, missing.Code);
        Assert.Equal(5, (await table.CountAsync(All, default)).Count);

        Assert.Equal(3, await table.MoveAsync("0", ids[..3], RunStage.Deleted, "maria", default));
        Assert.Equal(0, await table.MoveAsync("0", ids[..3], RunStage.Deleted, "maria", default));
        Assert.Equal(2, (await table.CountAsync(All, default)).Count);
        Assert.Equal(3, (await table.CountAsync(All with { Stage = RunStage.Deleted }, default)).Count);
        await Assert.ThrowsAsync<PilothouseException>(() => table.TagAsync("0", ids, "team", "nlp", "maria", default));
        Assert.Equal(3, await table.MoveAsync("0", ids[..3], RunStage.Active, "maria", default));

        await table.TagAsync("0", ids, "team", "nlp", "maria", default);
        Assert.Equal(5, (await table.CountAsync(All with { Filter = "tags.team = 'nlp'" }, default)).Count);
        await Assert.ThrowsAsync<PilothouseException>(() => table.TagAsync("0", [.. Enumerable.Range(0, 1001).Select(i => $"{i}")], "team", "nlp", "maria", default));
        var actions = (await server.Service<IAuditLog>().ListAsync("experiments/0", null, 10, default)).Select(e => (e.Action, e.Actor));
        Assert.Equal([("run.tag", "maria"), ("run.restore", "maria"), ("run.delete", "maria")], actions);
    }

    [Theory, DatabaseData]
    public async Task Columns_and_values_are_those_of_the_runs(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var table = server.Service<IRunTable>();
        await RunAsync(server, [("lr", "0.1"), ("seed", "1")], [("team", "nlp")], ("loss", 1), ("system/cpu", 2), ("eval/acc", 3));
        await RunAsync(server, [("lr", "0.01")], [], ("loss", 1));

        var columns = await table.ColumnsAsync("0", default);
        Assert.Equal(["eval/acc", "loss", "system/cpu"], columns.Metrics);
        Assert.Equal(["lr", "seed"], columns.Params);
        Assert.Equal("team", columns.Tags[0]);
        Assert.True(columns.Complete);
        foreach (var (name, operators) in columns.Operators)
        {
            var key = name is "metrics" or "params" or "tags" ? name + ".x" : name;
            foreach (var op in operators)
                Assert.Single(MlflowFilter.Parse($"{key} {op} {(op.StartsWith("IS", StringComparison.Ordinal) ? "" : op.EndsWith("IN", StringComparison.Ordinal) ? "('a')" : name is "metrics" or "start_time" or "end_time" ? "1" : "'a'")}").Comparisons);
        }
        Assert.Equal(["0.01", "0.1"], await table.ValuesAsync("0", "params.lr", "0.", default));
        Assert.Equal(["0.01"], await table.ValuesAsync("0", "params.lr", "0.0", default));
        Assert.Equal(["RUNNING"], await table.ValuesAsync("0", "status", "R", default));
        Assert.Empty(await table.ValuesAsync("0", "metrics.loss", "", default));
    }

    [Theory, DatabaseData]
    public async Task Export_has_every_run_of_the_filter_and_every_column_they_have(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        for (var i = 0; i < 5; i++) await RunAsync(server, [("note", i == 2 ? "a \"b\",\nc" : "plain"), ($"only{i}", "x")], [], ("loss", i == 3 ? double.NaN : i / 3.0));

        var csv = await server.Http.GetAsync("/api/v1/experiments/0/export?filter=" + Uri.EscapeDataString("metrics.loss >= 0"));
        Assert.Equal("text/csv", csv.Content.Headers.ContentType!.MediaType);
        Assert.Equal("runs-0.csv", csv.Content.Headers.ContentDisposition!.FileName);
        var text = await csv.Content.ReadAsStringAsync();
        var head = text[..text.IndexOf("\r\n", StringComparison.Ordinal)].Split(',');
        Assert.Equal(["run_id", "run_name", "status", "user", "start_time", "end_time", "lifecycle_stage", "metrics.loss", "params.note", "params.only0", "params.only1", "params.only2", "params.only4"], head.TakeWhile(h => !h.StartsWith("tags.", StringComparison.Ordinal)));
        Assert.Contains("\"a \"\"b\"\",\nc\"", text, StringComparison.Ordinal);
        Assert.Contains((1 / 3.0).ToString("R", CultureInfo.InvariantCulture), text, StringComparison.Ordinal);
        Assert.Equal(5, text.TrimEnd().Split("\r\n").Length);

        var json = JsonDocument.Parse(await server.Http.GetStringAsync("/api/v1/experiments/0/export?format=json")).RootElement;
        Assert.Equal(5, json.GetArrayLength());
        Assert.Contains(json.EnumerateArray(), r => r.GetProperty("metrics").GetProperty("loss").ToString() == "NaN");

        foreach (var format in new[] { "csv", "json" })
            Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.GetAsync($"/api/v1/experiments/0/export?format={format}&filter=" + Uri.EscapeDataString("loss <"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.GetAsync("/api/v1/experiments/0/export?format=xls")).StatusCode);
        Assert.Equal(2, (await server.Http.GetStringAsync("/api/v1/experiments/0/export?col=params.note&filter=" + Uri.EscapeDataString("params.only1 = 'x'"))).TrimEnd().Split("\r\n").Length);
    }

    [Theory, DatabaseData]
    public async Task Views_are_saved_replaced_and_deleted_under_a_name(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var http = server.Http;
        async Task<HttpStatusCode> SaveAsync(string name, string address, string experiment = "0") => (await http.PostAsJsonAsync($"/api/v1/experiments/{experiment}/views", new { name, address })).StatusCode;
        Assert.Equal(HttpStatusCode.OK, await SaveAsync("best", "/experiments/0?sort=metrics.loss"));
        Assert.Equal(HttpStatusCode.OK, await SaveAsync("best", "/experiments/0?sort=metrics.acc%20desc"));
        Assert.Equal(HttpStatusCode.OK, await SaveAsync("against", "/runs/compare?run=a&run=b"));
        foreach (var bad in new[] { "https://evil.example/", "//evil.example", "/experiments/01?x", "/experiments/0/../../theme/dark", "/experiments/0?a\\b", "/audit", "", "/experiments/0?" + new string('x', 8001) })
            Assert.Equal(HttpStatusCode.BadRequest, await SaveAsync("bad", bad));
        Assert.Equal(HttpStatusCode.BadRequest, await SaveAsync(" ", "/experiments/0"));
        Assert.Equal(HttpStatusCode.NotFound, await SaveAsync("x", "/experiments/77", "77"));

        var views = await http.GetFromJsonAsync<List<SavedView>>("/api/v1/experiments/0/views", WireJson.Options);
        Assert.Equal(["against", "best"], views!.Select(v => v.Name));
        Assert.Equal("/experiments/0?sort=metrics.acc%20desc", views![1].Address);
        Assert.Equal("local", views[1].Actor);
        Assert.Equal(HttpStatusCode.OK, (await http.DeleteAsync(new Uri("/api/v1/experiments/0/views/best", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.DeleteAsync(new Uri("/api/v1/experiments/0/views/best", UriKind.Relative))).StatusCode);
    }

    [Fact]
    public async Task A_stream_tells_that_something_in_the_experiment_changed()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.Http.GetAsync(new Uri("/api/v1/experiments/0/live", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(), Encoding.UTF8);
        Assert.Equal(": connected", await reader.ReadLineAsync());
        var run = await RunAsync(server, [], []);
        await reader.ReadLineAsync();
        Assert.Equal("event: changed", await reader.ReadLineAsync());
        await server.Client.LogBatchAsync(run, [new MlflowMetric { Key = "loss", Value = 1, Timestamp = 1, Step = 1 }], [], [], default);
        await reader.ReadLineAsync();
        await reader.ReadLineAsync();
        Assert.Equal("event: changed", await reader.ReadLineAsync());
    }

    private static async Task<string> RunAsync(TestServer server, (string Key, string Value)[] parameters, (string Key, string Value)[] tags, params (string Key, double Value)[] metrics)
    {
        var run = await server.Client.CreateRunAsync("0", null, "ann", 1000, [.. tags.Select(t => new MlflowTag(t.Key, t.Value))], default);
        await server.Client.LogBatchAsync(run.RunId!, [.. metrics.Select(m => new MlflowMetric { Key = m.Key, Value = m.Value, Timestamp = 1, Step = 0 })], [.. parameters.Select(p => new MlflowTag(p.Key, p.Value))], [], default);
        return run.RunId!;
    }
}
