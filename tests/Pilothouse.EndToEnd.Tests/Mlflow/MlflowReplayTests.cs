using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>
/// What MLflow's own client and server said to each other, said to this server. An exchange is left out only with a reason, and docs/protocols/mlflow.md lists it.
/// </summary>
public class MlflowReplayTests(ITestOutputHelper output)
{
    private const string Multipart = "MLflow's local store has no multipart upload and no links, and answers 501; here they work (UploadTests).";
    private const string BareInfinity = "A metric sent as a bare Infinity is stored as MLflow stores a quoted one (the largest number); MLflow stores 0 at time 0.";
    private const string NoExperiment = "OTLP senders that name no experiment are welcome: their traces are in the default experiment. MLflow refuses them (422).";

    public static TheoryData<string> Files => new("experiments-lifecycle", "experiments-search", "runs-lifecycle", "runs-search-errors", "runs-search-filters", "runs-search-order", "runs-search-paging",
        "log-batch", "metric-history", "metric-values", "metric-bulk", "params", "artifacts-proxy", "artifacts-run", "errors-health-ajax", "logged-models", "logged-models-search", "dataset-inputs",
        "registry-models", "registry-versions", "registry-aliases", "prompts", "prompts-chat-search", "webhooks", "sklearn-autolog",
        "traces-basic", "traces-manage", "traces-search", "assessments", "otlp-ingest", "eval-datasets", "scorers");

    [Theory, MemberData(nameof(Files))]
    public Task On_sqlite_every_answer_fits(string file) => ReplayAsync(file, "sqlite");

    [Theory, MemberData(nameof(Files))]
    public async Task On_postgres_every_answer_fits(string file)
    {
        Assert.SkipWhen(TestDatabase.PostgresServer is null, "PILOTHOUSE_TEST_POSTGRES is not set (./test starts a server and sets it).");
        await ReplayAsync(file, "postgres");
    }

    private async Task ReplayAsync(string file, string database)
    {
        var path = RepoRoot.Shared("golden", "mlflow", file + ".jsonl");
        Assert.SkipWhen(path is null, "The recordings of MLflow (../shared/golden/mlflow) are not beside the repository.");
        await using var server = await TestServer.StartAsync(database, builder => builder.Services.AddSingleton<TimeProvider>(new SteppingTime()));
        var replayer = new Replayer(server.Http);
        int passed = 0, skipped = 0;
        var faults = new List<string>();
        foreach (var exchange in Exchange.Read(path!))
        {
            var fault = await replayer.SendAsync(exchange);
            if (exchange.Skipped || NotSupported(file, exchange) is not null) skipped++;
            else if (fault is null) passed++;
            else faults.Add(fault);
        }
        output.WriteLine($"{file} on {database}: {passed} exchanges pass, {skipped} not compared, {faults.Count} differ");
        Assert.True(faults.Count == 0, $"{passed} pass, {faults.Count} differ:\n{string.Join('\n', faults.Take(10))}");
    }

    private static string? NotSupported(string file, Exchange exchange) => file switch
    {
        "artifacts-proxy" when exchange.Path.Contains("/mpu/", StringComparison.Ordinal) && exchange.Status == 501 || exchange.Path.Contains("/presigned/", StringComparison.Ordinal) => Multipart,
        "errors-health-ajax" when exchange.Number is 120 or 138 or 139 => BareInfinity,
        "otlp-ingest" when exchange.Number == 42 => NoExperiment,
        _ => null,
    };

    /// <summary>A clock that goes on by a millisecond at each look: what was written later has a later time, without waiting for it.</summary>
    private sealed class SteppingTime : TimeProvider
    {
        private long _ms = 1_767_225_600_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Interlocked.Increment(ref _ms));
    }
}
