using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Reproductions;

/// <summary>Verdicts over HTTP, on the real server with each database.</summary>
public sealed class ReproductionEndpointTests
{
    private static readonly string Release = "sha256:" + new string('a', 64);

    [Theory, DatabaseData]
    public async Task A_verdict_is_kept_as_a_statement_with_its_report_and_an_audit_entry(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var (original, repeated) = (await RunAsync(server, "first"), await RunAsync(server, "again"));
        var report = new ReproductionReport(Commit: new string('c', 40), FirstDivergence: new Divergence("loss", 3, 0.25, double.NaN), Missing: []);

        var stored = await server.Client.AddReproductionAsync(new NewReproduction("run", original, ReproductionVerdicts.Differs, "loss first differs at step 3.", repeated, report), default);
        await server.Client.AddReproductionAsync(new NewReproduction("release", Release, ReproductionVerdicts.Cannot, "Nothing to repeat.", null, new ReproductionReport()), default);

        var listed = Assert.Single(await server.Client.ListReproductionsAsync("run", original, default));
        Assert.Equal(stored.Reproduction, listed);
        Assert.Equal("release", Assert.Single(await server.Client.ListReproductionsAsync("release", Release, default)).SubjectKind);
        var detail = await server.Client.GetReproductionAsync(listed.Id, default);
        Assert.Equal((3L, 0.25, double.NaN), (detail.Report.FirstDivergence!.Step, detail.Report.FirstDivergence.Recorded!.Value, detail.Report.FirstDivergence.Repeated!.Value));
        await using var blob = await server.Client.DownloadBlobAsync(listed.StatementDigest, default);
        using var statement = await JsonDocument.ParseAsync(blob);
        Assert.Equal(("https://in-toto.io/Statement/v1", "runs/" + original, "DIFFERS"), (statement.RootElement.GetProperty("_type").GetString(), statement.RootElement.GetProperty("subject")[0].GetProperty("name").GetString(), statement.RootElement.GetProperty("predicate").GetProperty("verdict").GetString()));
        Assert.Equal("reproduction.record", (await server.Service<IAuditLog>().ListAsync($"reproductions/run/{original}", null, 10, default))[0].Action);
        var graph = await server.Service<ILineage>().WalkAsync(LineageNode.Run(original), LineageDirection.Down, 10, default);
        Assert.Contains(graph.Edges, e => e.To == "run:" + repeated && e.Relation == "repeated by");
    }

    [Theory]
    [InlineData("run", "no-such-run", "REPRODUCED", 404)]
    [InlineData("release", "sha256:abc", "REPRODUCED", 400)]
    [InlineData("model", "x", "REPRODUCED", 400)]
    [InlineData(null, null, null, 400)]
    public async Task What_names_nothing_is_refused(string? kind, string? id, string? verdict, int status)
    {
        await using var server = await TestServer.StartAsync();

        var error = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.AddReproductionAsync(new NewReproduction(kind!, id!, verdict!, "x", null, new ReproductionReport()), default));

        Assert.Equal(status, error.Status);
    }

    [Fact]
    public async Task A_verdict_needs_its_words_and_the_run_that_gave_it()
    {
        await using var server = await TestServer.StartAsync();
        var run = await RunAsync(server, "first");

        foreach (var bad in (NewReproduction[])[
            new("run", run, "MAYBE", "x", run, new ReproductionReport()), new("run", run, "REPRODUCED", "", run, new ReproductionReport()), new("run", run, "REPRODUCED", "x", null, new ReproductionReport()),
            new("run", run, "REPRODUCED", "x\0", run, new ReproductionReport()), new("run", run, "REPRODUCED", "x", run, null!)])
            Assert.Equal(400, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.AddReproductionAsync(bad, default))).Status);
        Assert.Empty(await server.Client.ListReproductionsAsync("run", run, default));
    }

    private static async Task<string> RunAsync(TestServer server, string name)
    {
        var id = Guid.NewGuid().ToString("N");
        await server.Client.PutRunAsync(id, new NewRun("x", name, "ann", 1, null), default);
        return id;
    }
}
