using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary>
/// Login as MLflow's client sends it: <c>MLFLOW_TRACKING_TOKEN</c> becomes Bearer, <c>MLFLOW_TRACKING_USERNAME</c> and <c>MLFLOW_TRACKING_PASSWORD</c> become Basic,
/// in which our token is the password and the name is anything.
/// </summary>
public class MlflowLoginTests
{
    private const string Secret = "a-secret-of-forty-characters-0123456789";

    [Theory]
    [InlineData("Bearer", Secret)]
    [InlineData("Basic", "ann:" + Secret)]
    [InlineData("Basic", ":" + Secret)]
    public async Task The_token_logs_in(string scheme, string credentials)
    {
        await using var server = await StartAsync();

        foreach (var path in (string[])["api/2.0/mlflow/experiments/get?experiment_id=0", "ajax-api/2.0/mlflow/experiments/get?experiment_id=0", "api/2.0/mlflow-artifacts/artifacts?path="])
        {
            using var answer = await SendAsync(server, HttpMethod.Get, path, Header(scheme, credentials));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("Bearer", "wrong")]
    [InlineData("Basic", "ann:wrong")]
    [InlineData("Basic", "no-colon")]
    [InlineData("Digest", "x")]
    public async Task Anyone_else_gets_401_as_MLflows_client_reads_it(string? scheme, string? credentials)
    {
        await using var server = await StartAsync();

        foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Get, "api/2.0/mlflow/experiments/get?experiment_id=0"), (HttpMethod.Post, "api/2.0/mlflow/runs/create"),
            (HttpMethod.Put, "api/2.0/mlflow-artifacts/artifacts/0/x"), (HttpMethod.Delete, "api/2.0/mlflow/logged-models/m-1"), (HttpMethod.Get, "get-artifact?run_id=x&path=y")])
        {
            using var answer = await SendAsync(server, method, path, scheme is null ? null : Header(scheme, credentials!));
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.StartsWith("Basic realm=", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
            Assert.Equal("UNAUTHENTICATED", JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("error_code").GetString());
        }
    }

    [Fact]
    public async Task A_header_that_is_not_base64_is_a_wrong_login()
    {
        await using var server = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/2.0/mlflow/experiments/get?experiment_id=0");
        request.Headers.TryAddWithoutValidation("Authorization", "Basic %%%");

        using var answer = await server.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_reader_reads_and_searches_but_writes_nothing()
    {
        await using var server = await StartAsync();
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Secret);
        var token = (await server.Client.CreateTokenAsync(new NewToken("dashboard", "reader"), default)).Token;
        var login = new AuthenticationHeaderValue("Bearer", token);

        using var search = await SendAsync(server, HttpMethod.Post, "api/2.0/mlflow/runs/search", login, """{"experiment_ids": ["0"]}""");
        using var models = await SendAsync(server, HttpMethod.Post, "api/2.0/mlflow/logged-models/search", login, """{"experiment_ids": ["0"]}""");
        using var write = await SendAsync(server, HttpMethod.Post, "api/2.0/mlflow/runs/create", login, """{"experiment_id": "0"}""");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (search.StatusCode, models.StatusCode));
        Assert.Equal(HttpStatusCode.Forbidden, write.StatusCode);
        Assert.Equal("PERMISSION_DENIED", JsonDocument.Parse(await write.Content.ReadAsStringAsync()).RootElement.GetProperty("error_code").GetString());
    }

    [Fact]
    public async Task Probes_need_no_login()
    {
        await using var server = await StartAsync();

        Assert.Equal("OK", await server.Http.GetStringAsync("health"));
        Assert.Matches(@"\A\d+\.\d+\.\d+\z", await server.Http.GetStringAsync("version"));
    }

    private static Task<TestServer> StartAsync() =>
        TestServer.StartAsync(customize: builder => builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Identity:AdminToken"] = Secret }));

    private static AuthenticationHeaderValue Header(string scheme, string credentials) =>
        new(scheme, scheme == "Basic" ? Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)) : credentials);

    private static async Task<HttpResponseMessage> SendAsync(TestServer server, HttpMethod method, string path, AuthenticationHeaderValue? login, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = login;
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        return await server.Http.SendAsync(request);
    }
}
