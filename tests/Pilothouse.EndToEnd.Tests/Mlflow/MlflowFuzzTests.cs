using System.Net;
using System.Text.Json;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>
/// Hostile neighbours of every recorded request, in the state that the recording has made: whatever is sent, the answer is none that MLflow's client would repeat for minutes
/// (408, 429, 5xx), an error says what it is, and the server goes on.
/// </summary>
public class MlflowFuzzTests(ITestOutputHelper output)
{
    private const int ChangesPerRequest = 1;
    private static readonly int[] Retried = [408, 429, 500, 502, 503, 504];

    public static TheoryData<string> Files
    {
        get
        {
            var data = new TheoryData<string>();
            var folder = RepoRoot.Shared("golden", "mlflow");
            foreach (var file in folder is null ? (IEnumerable<string?>)["none"] : Directory.GetFiles(folder, "*.jsonl").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal)) data.Add(file!);
            return data;
        }
    }

    [Theory, MemberData(nameof(Files))]
    public Task On_sqlite_no_request_hurts(string file) => FuzzAsync(file, "sqlite");

    [Theory, MemberData(nameof(Files))]
    public async Task On_postgres_no_request_hurts(string file)
    {
        Assert.SkipWhen(TestDatabase.PostgresServer is null, "PILOTHOUSE_TEST_POSTGRES is not set (./test starts a server and sets it).");
        await FuzzAsync(file, "postgres");
    }

    private async Task FuzzAsync(string file, string database)
    {
        var path = RepoRoot.Shared("golden", "mlflow", file + ".jsonl");
        Assert.SkipWhen(path is null, "The recordings of MLflow (../shared/golden/mlflow) are not beside the repository.");
        await using var server = await TestServer.StartAsync(database);
        var replayer = new Replayer(server.Http);
        var faults = new List<string>();
        var sent = 0;
        foreach (var exchange in Exchange.Read(path!))
        {
            // A request that needs what no answer has given cannot be made up either.
            if (await replayer.SendAsync(exchange) is { } fault && fault.Contains("no earlier answer", StringComparison.Ordinal)) continue;
            // Large uploads and their repeats say nothing new.
            if (exchange.RequestBody is { } body && body.TryGetProperty("repeat", out _)) continue;
            for (var i = 0; i < ChangesPerRequest; i++)
            {
                var mutator = new JsonMutator(exchange.Number * ChangesPerRequest + i);
                byte[] bytes = [];
                using var response = await replayer.SendChangedAsync(exchange, b => bytes = mutator.Body(b), mutator.Query);
                sent++;
                if (await FaultAsync(response) is { } hurt)
                    faults.Add($"#{exchange.Number}/{i} {response.RequestMessage!.Method} {response.RequestMessage.RequestUri} {System.Text.Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 400)))}: {hurt}");
            }
        }
        output.WriteLine($"{file} on {database}: {sent} changed requests");
        Assert.True(faults.Count == 0, $"{faults.Count} of {sent}:\n{string.Join('\n', faults.Take(15))}");
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("health")).StatusCode);
    }

    private static async Task<string?> FaultAsync(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        if (status < 400) return null;
        var text = await response.Content.ReadAsStringAsync();
        if (Retried.Contains(status)) return $"{status} {text[..Math.Min(text.Length, 300)]}";
        if (response.Content.Headers.ContentType?.MediaType != "application/json") return null; // unknown addresses and OTLP/protobuf answers
        using var json = JsonDocument.Parse(text);
        return json.RootElement.TryGetProperty("message", out var message) && message.GetString() is { Length: > 0 } || json.RootElement.TryGetProperty("detail", out _) ? null
            : $"{status} without a message: {text[..Math.Min(text.Length, 300)]}";
    }
}
