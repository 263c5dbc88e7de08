using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>
/// A CI system on this machine: started by its own API, it clones the branch from the hosted repository, runs the script of the pipeline, and tells the end only by its signed webhook. Asked how a build
/// goes it says that it runs.
/// </summary>
internal sealed class CiSystemServer : IAsyncDisposable
{
    public const string Secret = "a-webhook-secret-of-tests";
    private const string Pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";

    private readonly WebApplication _app;
    private readonly string _system;
    private readonly CiWorld _world;
    private readonly RSA _key = RSA.Create(2048);
    private readonly List<Task> _builds = [];
    private int _number;
    private string _workflow = "running";

    private CiSystemServer(WebApplication app, string system, CiWorld world) => (_app, _system, _world) = (app, system, world);

    public string Url => _app.Urls.First();

    /// <summary>Builds that were asked for.</summary>
    public int Started => _number;

    public static async Task<CiSystemServer> StartAsync(string system, CiWorld world)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var server = new CiSystemServer(app, system, world);
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_builds);
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private async Task HandleAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync();
        var (status, answer) = (http.Request.Method, _system, http.Request.Path.Value!) switch
        {
            ("POST", "jenkins", "/job/faq/buildWithParameters") => (201, ""),
            ("GET", "jenkins", _) => (200, """{"cancelled":false,"why":"waiting"}"""),
            ("POST", "circleci", "/api/v2/project/gh/acme/faq/pipeline") => (201, $$"""{"id":"{{Pipeline}}","number":1}"""),
            ("GET", "circleci", _) => (200, $$"""{"items":[{"status":"{{_workflow}}"}]}"""),
            ("POST", "travis", _) => (202, """{"@type":"pending","request":{"id":44}}"""),
            ("GET", "travis", "/config") => (200, JsonSerializer.Serialize(new { config = new { notifications = new { webhook = new { public_key = _key.ExportSubjectPublicKeyInfoPem() } } } })),
            ("GET", "travis", _) => (200, """{"id":44,"result":"approved","builds":[{"state":"started"}]}"""),
            _ => (404, ""),
        };
        if (http.Request.Method == "POST" && status < 300)
        {
            _number++;
            _workflow = "running";
            if (_system == "jenkins") http.Response.Headers.Location = $"/queue/item/{_number}/";
            var (branch, build) = _system == "jenkins" ? (Field(body, "PILOTHOUSE_REF"), Field(body, "PILOTHOUSE_BUILD")) : Asked(body);
            lock (_builds) _builds.Add(Task.Run(() => BuildAsync(branch, build, _number)));
        }
        http.Response.StatusCode = status;
        await http.Response.WriteAsync(answer);
    }

    private async Task BuildAsync(string branch, string build, int number)
    {
        var folder = Directory.CreateTempSubdirectory("pilothouse-ci-build-");
        try
        {
            var clone = Path.Combine(folder.FullName, "work");
            (await Shell.RunAsync(folder.FullName, "git", "clone", "-q", "-b", branch, new Uri(_world.Server.Url, "/git/faq.git").ToString(), clone)).Succeeded();
            var commit = (await Shell.RunAsync(clone, "git", "rev-parse", "HEAD")).Succeeded().Trim();
            var run = await Shell.RunAsync(clone, "env", "PILOTHOUSE_URL=" + _world.Server.Url, "PILOTHOUSE_CI=ci/" + _system, "sh", ".pilothouse/ci.sh", "test");
            await TellAsync(commit, branch, build, number, run.ExitCode == 0);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task TellAsync(string commit, string branch, string build, int number, bool passed)
    {
        _workflow = passed ? "success" : "failed";
        var link = $"https://{_system}.example/builds/{number}";
        var body = _system switch
        {
            "jenkins" => JsonSerializer.Serialize(new { name = "faq", build = new { number, phase = "COMPLETED", status = passed ? "SUCCESS" : "FAILURE", full_url = link, parameters = new { PILOTHOUSE_BUILD = build } } }),
            "circleci" => JsonSerializer.Serialize(new { id = Guid.NewGuid(), type = "workflow-completed", workflow = new { id = Guid.NewGuid(), status = _workflow, url = link }, pipeline = new { id = Pipeline, vcs = new { revision = commit, branch } } }),
            _ => JsonSerializer.Serialize(new { id = 100 + number, state = passed ? "passed" : "failed", build_url = link, commit, branch, type = "api", message = $"Pilothouse build {build}", repository = new { id = 7, owner_name = "acme", name = "faq" } }),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_world.Server.Url, "/api/v1/projects/faq/ci/connections/elsewhere/webhook"));
        if (_system == "travis")
        {
            request.Content = new FormUrlEncodedContent([new("payload", body)]);
            request.Headers.Add("Signature", Convert.ToBase64String(_key.SignData(Encoding.UTF8.GetBytes(body), HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1)));
        }
        else
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            if (_system == "circleci") request.Headers.Add("circleci-signature", "v1=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(body))));
            else request.Headers.Add("X-Pilothouse-Token", Secret);
        }
        using var client = new HttpClient();
        using var response = await client.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private static string Field(string form, string name) => Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(form)[name].ToString();

    /// <summary>CircleCI and Travis are told the branch; Travis gives the message back, which holds our id.</summary>
    private static (string Branch, string Build) Asked(string body)
    {
        using var json = JsonDocument.Parse(body);
        var request = json.RootElement.TryGetProperty("request", out var inner) ? inner : json.RootElement;
        return (request.GetProperty("branch").GetString()!, request.TryGetProperty("message", out var message) ? message.GetString()!.Split(' ')[^1] : "");
    }
}
