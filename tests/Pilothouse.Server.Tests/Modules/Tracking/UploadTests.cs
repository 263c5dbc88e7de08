using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary>MLflow's multipart upload and its links to files, over HTTP as its client speaks it: parts and ranges travel without the login.</summary>
public class UploadTests
{
    private const string Secret = "a-secret-of-forty-characters-0123456789";
    private const string Proxy = "api/2.0/mlflow-artifacts/";

    [Theory, DatabaseData]
    public async Task Parts_in_any_order_become_the_file(string kind)
    {
        await using var server = await StartAsync(kind);
        var content = RandomNumberGenerator.GetBytes(300_000);
        var (id, urls) = await CreateAsync(server, "0/run/artifacts/model", "/data/weights.bin", 3);

        // The second is sent twice, as after a broken connection; the first answer to it is void.
        var etags = new string[3];
        await PutAsync(urls[1], [1, 2, 3]);
        foreach (var part in (int[])[2, 0, 1]) etags[part] = await PutAsync(urls[part], content[(part * 100_000)..((part + 1) * 100_000)]);
        using var done = await CompleteAsync(server, "0/run/artifacts/model", "weights.bin", id, etags);
        using var again = await CompleteAsync(server, "0/run/artifacts/model", "weights.bin", id, etags);

        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(content, await server.Http.GetByteArrayAsync(Proxy + "artifacts/0/run/artifacts/model/weights.bin"));
        Assert.Equal($"\"{Convert.ToHexStringLower(SHA256.HashData(content[..100_000]))}\"", etags[0]);
    }

    [Fact]
    public async Task An_incomplete_upload_says_what_is_missing_and_can_go_on()
    {
        await using var server = await StartAsync("sqlite");
        var (id, urls) = await CreateAsync(server, "0", "a.bin", 2);
        var first = await PutAsync(urls[0], [1]);

        using var early = await CompleteAsync(server, "0", "a.bin", id, [first, first]);
        Assert.Equal(HttpStatusCode.BadRequest, early.StatusCode);
        Assert.Contains("1 are missing (2)", await early.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var second = await PutAsync(urls[1], [2]);
        using var mixed = await CompleteAsync(server, "0", "a.bin", id, [second, first]);
        Assert.Equal(HttpStatusCode.BadRequest, mixed.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync(Proxy + "artifacts/0/a.bin")).StatusCode);

        using var done = await CompleteAsync(server, "0", "a.bin", id, [first, second]);
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
    }

    [Fact]
    public async Task An_aborted_upload_takes_no_more_parts()
    {
        await using var server = await StartAsync("sqlite");
        var (id, urls) = await CreateAsync(server, "0", "a.bin", 1);
        await PutAsync(urls[0], [1]);

        for (var i = 0; i < 2; i++)
        {
            using var abort = await server.Http.PostAsJsonAsync(Proxy + "mpu/abort/0", new { path = "a.bin", upload_id = id });
            Assert.Equal(HttpStatusCode.OK, abort.StatusCode);
        }

        using var http = new HttpClient();
        using var late = await http.PutAsync(urls[0], new ByteArrayContent([1]));
        Assert.Equal(HttpStatusCode.NotFound, late.StatusCode);
    }

    [Fact]
    public async Task A_changed_link_is_refused()
    {
        await using var server = await StartAsync("sqlite");
        var (_, urls) = await CreateAsync(server, "0", "a.bin", 2);
        using var http = new HttpClient();

        using var otherPart = await http.PutAsync(new Uri(urls[0].ToString().Replace("/1/", "/2/", StringComparison.Ordinal)), new ByteArrayContent([1]));
        using var noSignature = await http.PutAsync(new Uri(urls[0], "x"), new ByteArrayContent([1]));

        Assert.Equal(HttpStatusCode.Forbidden, otherPart.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, noSignature.StatusCode);
    }

    [Theory]
    [InlineData("0/../..", "a.bin", 1)]
    [InlineData("0/..%2f..", "a.bin", 1)]
    [InlineData("0", "..", 1)]
    [InlineData("0", "dir/", 1)]
    [InlineData("0", "a.bin", 0)]
    [InlineData("0", "a.bin", -1)]
    [InlineData("0", "a.bin", 10_001)]
    public async Task A_hostile_upload_is_refused(string directory, string file, int parts)
    {
        await using var server = await StartAsync("sqlite");

        var target = new Uri($"{server.Url}{Proxy}mpu/create/{directory}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var answer = await server.Http.PostAsJsonAsync(target, new { path = file, num_parts = parts });

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("INVALID_PARAMETER_VALUE", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_to_a_file_gives_ranges_for_an_hour_without_login()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var server = await StartAsync("sqlite", time);
        (await server.Http.PutAsync(Proxy + "artifacts/0/a%20b.txt", new StringContent("0123456789"))).EnsureSuccessStatusCode();

        var link = await server.Http.GetFromJsonAsync<JsonElement>(Proxy + "presigned/0/a%20b.txt");
        using var http = new HttpClient();
        using var range = new HttpRequestMessage(HttpMethod.Get, link.GetProperty("url").GetString());
        range.Headers.Range = new RangeHeaderValue(3, 5);
        using var part = await http.SendAsync(range);

        Assert.Equal(10, link.GetProperty("file_size").GetInt64());
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal("345", await part.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync(link.GetProperty("url").GetString()!.Replace("a%20b", "c", StringComparison.Ordinal))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync(Proxy + "presigned/0/none")).StatusCode);
        time.Advance(TimeSpan.FromMinutes(61));
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync(link.GetProperty("url").GetString())).StatusCode);
    }

    [Fact]
    public async Task Without_login_no_upload_is_begun()
    {
        await using var server = await StartAsync("sqlite");
        using var http = new HttpClient { BaseAddress = server.Url };

        using var answer = await http.PostAsJsonAsync(Proxy + "mpu/create/0", new { path = "a.bin", num_parts = 1 });

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private static async Task<TestServer> StartAsync(string kind, TimeProvider? time = null)
    {
        var server = await TestServer.StartAsync(kind, builder =>
        {
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Identity:AdminToken"] = Secret });
            if (time is not null) builder.Services.AddSingleton(time);
        });
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Secret);
        return server;
    }

    private static async Task<(string Id, Uri[] Urls)> CreateAsync(TestServer server, string directory, string file, int parts)
    {
        using var answer = await server.Http.PostAsJsonAsync($"{Proxy}mpu/create/{directory}", new { path = file, num_parts = parts });
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return (json.GetProperty("upload_id").GetString()!, [.. json.GetProperty("credentials").EnumerateArray().OrderBy(c => c.GetProperty("part_number").GetInt32()).Select(c => new Uri(c.GetProperty("url").GetString()!))]);
    }

    private static async Task<string> PutAsync(Uri url, byte[] content)
    {
        using var http = new HttpClient();
        using var answer = await http.PutAsync(url, new ByteArrayContent(content));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.Headers.ETag!.Tag;
    }

    private static Task<HttpResponseMessage> CompleteAsync(TestServer server, string directory, string file, string id, string[] etags) =>
        server.Http.PostAsJsonAsync($"{Proxy}mpu/complete/{directory}", new { path = file, upload_id = id, parts = etags.Select((etag, i) => new { part_number = i + 1, etag, url = "" }) });
}
