using System.Net;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Monitoring.Webhooks;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Registry;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

/// <summary>MLflow's webhooks, delivered over real HTTP to a receiver on this machine.</summary>
public sealed class RegistryWebhookTests
{
    private const string Secret = "correct horse battery staple";

    [Theory, DatabaseData]
    public async Task Registry_events_arrive_signed_with_MLflows_bodies(string kind)
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await CreateAsync(mlflow, receiver, "REGISTERED_MODEL/CREATED", "MODEL_VERSION/CREATED", "MODEL_VERSION_TAG/SET", "MODEL_VERSION_TAG/DELETED", "MODEL_VERSION_ALIAS/CREATED", "MODEL_VERSION_ALIAS/DELETED",
            "PROMPT/CREATED", "PROMPT_VERSION/CREATED", "PROMPT_TAG/SET");

        await mlflow.PostAsync("registered-models/create", new { name = "m", description = "d", tags = new[] { new { key = "a", value = "b" } } });
        await mlflow.PostAsync("model-versions/create", new { name = "m", source = "s3://b/k" });
        await mlflow.PostAsync("model-versions/set-tag", new { name = "m", version = "1", key = "k", value = "v" });
        await mlflow.DeleteAsync("model-versions/delete-tag", new { name = "m", version = "1", key = "k" });
        await mlflow.PostAsync("registered-models/alias", new { name = "m", alias = "champion", version = "1" });
        await mlflow.DeleteAsync("registered-models/alias", new { name = "m", alias = "champion" });
        await server.Client.RegisterPromptAsync("p", new Protocols.V1.NewPromptVersion("Answer {q}."), default); // ours are events too
        await mlflow.PostAsync("registered-models/set-tag", new { name = "p", key = "k", value = "v" });
        var came = new List<Delivery>();
        while (came.Count < 9) came.Add(await receiver.NextAsync());

        var bodies = came.ToDictionary(d => $"{Text(d.Json, "entity")}/{Text(d.Json, "action")}", d => d.Json["data"]!.ToJsonString());
        Assert.Equal("""{"name":"m","tags":{"a":"b"},"description":"d"}""", bodies["registered_model/created"]);
        Assert.Equal("""{"name":"m","version":"1","source":"s3://b/k","run_id":null,"tags":{},"description":null}""", bodies["model_version/created"]);
        Assert.Equal("""{"name":"m","version":"1","key":"k","value":"v"}""", bodies["model_version_tag/set"]);
        Assert.Equal("""{"name":"m","version":"1","key":"k"}""", bodies["model_version_tag/deleted"]);
        Assert.Equal("""{"name":"m","alias":"champion","version":"1"}""", bodies["model_version_alias/created"]);
        Assert.Equal("""{"name":"m","alias":"champion"}""", bodies["model_version_alias/deleted"]);
        Assert.Equal("""{"name":"p","tags":{},"description":null}""", bodies["prompt/created"]);
        Assert.Equal("""{"name":"p","version":"1","template":"Answer {{q}}.","tags":{},"description":null}""", bodies["prompt_version/created"]);
        Assert.Equal("""{"name":"p","key":"k","value":"v"}""", bodies["prompt_tag/set"]);
        Assert.All(came, d => Assert.Equal(MlflowWebhookSignature.Of(Secret, d.Id, long.Parse(d.Timestamp, System.Globalization.CultureInfo.InvariantCulture), d.Body), d.Signature));
        Assert.Equal(9, came.Select(d => d.Id).Distinct().Count());
    }

    [Theory, DatabaseData]
    public async Task A_push_to_a_repository_arrives_signed(string kind)
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await StartAsync(kind);
        await CreateAsync(MlflowApi.Of(server), receiver, "REPOSITORY/PUSHED");

        await server.Service<IEventBus>().PublishAsync(new RepositoryPushed("shop", "ann", [new RefUpdate("refs/heads/main", new string('0', 40), new string('a', 40))], ["ci.skip", "reason=New data"], "New data"), default);

        var came = await receiver.NextAsync();
        Assert.Equal(("repository", "pushed"), (Text(came.Json, "entity"), Text(came.Json, "action")));
        Assert.Equal($$"""{"project":"shop","actor":"ann","git_url":"/git/shop.git","updates":[{"ref":"refs/heads/main","old_commit":"{{new string('0', 40)}}","new_commit":"{{new string('a', 40)}}"}],"count":1,"options":["ci.skip","reason=New data"],"reason":"New data"}""", came.Json["data"]!.ToJsonString());
        Assert.Equal(MlflowWebhookSignature.Of(Secret, came.Id, long.Parse(came.Timestamp, System.Globalization.CultureInfo.InvariantCulture), came.Body), came.Signature);
    }

    [Theory, DatabaseData]
    public async Task A_failed_delivery_comes_again_under_its_id(string kind)
    {
        await using var receiver = await Receiver.StartAsync(503, 429);
        await using var server = await StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await CreateAsync(mlflow, receiver, "REGISTERED_MODEL/CREATED");

        await mlflow.PostAsync("registered-models/create", new { name = "m" });
        var came = new[] { await receiver.NextAsync(), await receiver.NextAsync(), await receiver.NextAsync() };

        Assert.Single(came.Select(d => d.Id).Distinct());
        Assert.Single(came.Select(d => d.Body).Distinct());
    }

    [Theory, DatabaseData]
    public async Task A_secret_never_comes_back(string kind)
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await StartAsync(kind);
        var mlflow = MlflowApi.Of(server);

        var created = await CreateAsync(mlflow, receiver, "MODEL_VERSION/CREATED");
        var shown = await mlflow.GetAsync($"webhooks/{Text(created["webhook"]!, "webhook_id")}");
        var listed = await mlflow.GetAsync("webhooks");

        Assert.All((JsonNode[])[created, shown, listed], answer => Assert.DoesNotContain("secret", answer.ToJsonString(), StringComparison.Ordinal));
        var stored = await server.Service<Db>().ReadAsync(s => s.ScalarAsync<string>("SELECT secret FROM mon_webhook"), default);
        Assert.StartsWith("v1:", stored, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, stored, StringComparison.Ordinal);
        Assert.Equal(Secret, server.Service<WebhookSecrets>().Open(stored!));
    }

    [Fact]
    public async Task A_test_says_how_the_receiver_answered()
    {
        await using var receiver = await Receiver.StartAsync(200, 418);
        await using var server = await StartAsync("sqlite");
        var mlflow = MlflowApi.Of(server);
        var id = Text((await CreateAsync(mlflow, receiver, "MODEL_VERSION/CREATED"))["webhook"]!, "webhook_id");

        var good = await mlflow.PostAsync($"webhooks/{id}/test", new { });
        var bad = await mlflow.PostAsync($"webhooks/{id}/test", new { @event = new { entity = "PROMPT_ALIAS", action = "DELETED" } });
        var (first, second) = (await receiver.NextAsync(), await receiver.NextAsync());

        Assert.Equal("""{"success":true,"response_status":200,"response_body":"got it"}""", good["result"]!.ToJsonString());
        Assert.Equal("""{"success":false,"response_status":418,"response_body":"got it"}""", bad["result"]!.ToJsonString());
        Assert.Equal(("model_version", "1"), (Text(first.Json, "entity"), first.Json["data"]!["version"]!.GetValue<string>()));
        Assert.Equal("""{"name":"example_prompt","alias":"example_alias"}""", second.Json["data"]!.ToJsonString());
    }

    [Fact]
    public async Task A_disabled_or_deleted_webhook_gets_nothing()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await StartAsync("sqlite");
        var mlflow = MlflowApi.Of(server);
        var disabled = Text((await CreateAsync(mlflow, receiver, "REGISTERED_MODEL/CREATED"))["webhook"]!, "webhook_id");
        await mlflow.PatchAsync($"webhooks/{disabled}", new { status = "DISABLED" });
        var deleted = Text((await CreateAsync(mlflow, receiver, "REGISTERED_MODEL/CREATED"))["webhook"]!, "webhook_id");
        await mlflow.DeleteAsync($"webhooks/{deleted}", new { });

        await mlflow.PostAsync("registered-models/create", new { name = "unseen" });
        await CreateAsync(mlflow, receiver, "REGISTERED_MODEL/CREATED");
        await mlflow.PostAsync("registered-models/create", new { name = "seen" });

        Assert.Equal("seen", (await receiver.NextAsync()).Json["data"]!["name"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("http://93.184.215.14/hook")]
    [InlineData("https://localhost/hook")]
    [InlineData("https://127.0.0.1/hook")]
    [InlineData("https://[::1]/hook")]
    [InlineData("https://[::ffff:10.0.0.1]/hook")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://2130706433/hook")]
    [InlineData("https://user:pass@hooks.example.test/hook")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https:///hook")]
    public async Task An_address_inside_is_refused_unless_an_operator_allows_it(string url)
    {
        await using var server = await TestServer.StartAsync();

        var (status, answer) = await MlflowApi.Of(server).TryAsync(HttpMethod.Post, "webhooks", new { name = "w", url, events = new[] { new { entity = "MODEL_VERSION", action = "CREATED" } } });

        Assert.Equal((400, "INVALID_PARAMETER_VALUE"), (status, answer!["error_code"]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_name_that_leads_inside_is_not_connected_to()
    {
        await using var receiver = await Receiver.StartAsync();
        var url = new UriBuilder(receiver.Url) { Host = "localhost" }.Uri;
        using var guarded = new HttpClient(new SocketsHttpHandler { ConnectCallback = (context, ct) => AddressGuard.ConnectAsync(context, allowPrivate: false, ct) });
        using var allowed = new HttpClient(new SocketsHttpHandler { ConnectCallback = (context, ct) => AddressGuard.ConnectAsync(context, allowPrivate: true, ct) });

        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => guarded.PostAsync(url, new StringContent("{}")));
        using var answer = await allowed.PostAsync(url, new StringContent("{}"));

        Assert.Contains("WebhookAllowPrivate", refused.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("2606:4700::1", true)]
    [InlineData("172.32.0.1", true)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::", false)]
    [InlineData("fd00::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("64:ff9b::7f00:1", false)]
    public void Addresses_inside_are_known(string address, bool isPublic) => Assert.Equal(isPublic, AddressGuard.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public void The_signature_is_that_of_MLflow() => // computed with Python's hmac
        Assert.Equal("v1,R3H3D0MBg+IV5mKhg27rqjaaXkEBLVMn2434W0LpIEc=", MlflowWebhookSignature.Of("s3crét", "d-1", 1767225600, "{\"a\":\"ü\"}"));

    private static Task<TestServer> StartAsync(string kind) => TestServer.StartAsync(kind, builder =>
    {
        builder.Configuration["Monitoring:WebhookAllowHttp"] = "true";
        builder.Configuration["Monitoring:WebhookAllowPrivate"] = "true";
        builder.Configuration["Monitoring:WebhookFirstWait"] = "00:00:00.020";
    });

    private static Task<JsonNode> CreateAsync(MlflowApi mlflow, Receiver receiver, params string[] events) => mlflow.PostAsync("webhooks", new
    {
        name = "hook",
        url = receiver.Url,
        secret = Secret,
        events = events.Select(e => new { entity = e.Split('/')[0], action = e.Split('/')[1] }),
    });

    private static string Text(JsonNode node, string name) => node[name]!.GetValue<string>();

    private sealed record Delivery(string Id, string Timestamp, string Signature, string Body)
    {
        public JsonNode Json => JsonNode.Parse(Body)!;
    }

    /// <summary>A real HTTP server that answers as it is told, then 200.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly Channel<Delivery> _came = Channel.CreateUnbounded<Delivery>();
        private readonly Queue<int> _answers;
        private readonly WebApplication _app;

        private Receiver(IEnumerable<int> answers)
        {
            _answers = new Queue<int>(answers);
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            _app = builder.Build();
            _app.MapPost("/hook", async (HttpContext http) =>
            {
                using var reader = new StreamReader(http.Request.Body);
                var headers = http.Request.Headers;
                await _came.Writer.WriteAsync(new Delivery(headers[MlflowWebhookSignature.DeliveryHeader].ToString(), headers[MlflowWebhookSignature.TimestampHeader].ToString(),
                    headers[MlflowWebhookSignature.SignatureHeader].ToString(), await reader.ReadToEndAsync()));
                lock (_answers) http.Response.StatusCode = _answers.TryDequeue(out var status) ? status : 200;
                await http.Response.WriteAsync("got it");
            });
        }

        public string Url => _app.Urls.First() + "/hook";

        public static async Task<Receiver> StartAsync(params int[] answers)
        {
            var receiver = new Receiver(answers);
            await receiver._app.StartAsync();
            return receiver;
        }

        /// <summary>The next delivery; a test that waits for one that never comes fails by the runner's limit.</summary>
        public async Task<Delivery> NextAsync()
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            return await _came.Reader.ReadAsync(limit.Token);
        }

        public async ValueTask DisposeAsync() => await _app.DisposeAsync();
    }
}
