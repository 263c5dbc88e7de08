using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>The LFS API by hand: what a well-behaved client does not send, and what it must get.</summary>
public class LfsApiTests
{
    private static readonly byte[] Content = GitWorld.Noise(5_000, 9);
    private static readonly string Oid = GitWorld.Oid(Content);

    [Fact]
    public async Task Each_object_is_answered_by_itself()
    {
        await using var world = await GitWorld.StartAsync();
        var answer = await BatchAsync(world, "download", [new(Oid, Content.Length), new("abc", 1), new(new string('A', 64), 1), new(Oid, -5), null]);

        Assert.Equal([404, 422, 422, 422, 422], answer.Objects.Select(o => o.Error!.Code));
        Assert.Equal(("basic", "sha256"), (answer.Transfer, answer.HashAlgo));
    }

    [Theory, DatabaseData]
    public async Task Removed_object_is_answered_with_410_and_the_reason_until_it_is_pushed_again(string database)
    {
        await using var world = await GitWorld.StartAsync(database);
        await world.InitAsync("work", world.Url());
        await world.WriteAsync("work", "people.bin", Content);
        await world.CommitAsync("work", "by mistake");
        (await world.GitAsync("work", "push", "-q", "origin", "main")).Succeeded();
        var client = world.Server.Client;

        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => client.RemoveLfsObjectAsync("shop", Oid, "personal data", false, default));
        Assert.Contains("is in main", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<PilothouseApiException>(() => client.RemoveLfsObjectAsync("shop", Oid, " ", true, default));
        await Assert.ThrowsAsync<PilothouseApiException>(() => client.RemoveLfsObjectAsync("shop", new string('0', 64), "none", true, default));
        (await world.GitAsync("work", "rm", "-q", "people.bin")).Succeeded();
        await world.CommitAsync("work", "taken out");
        (await world.GitAsync("work", "push", "-q", "origin", "main")).Succeeded();
        Assert.Equal("personal data", (await client.RemoveLfsObjectAsync("shop", Oid, "personal data", false, default)).Reason);

        var error = (await BatchAsync(world, "download", [new(Oid, Content.Length)])).Objects[0].Error!;
        Assert.Equal(410, error.Code);
        Assert.Contains("personal data", error.Message, StringComparison.Ordinal);
        Assert.Equal(Oid, (await client.ListRemovedLfsObjectsAsync("shop", default)).Single().Oid);
        // The stock client says the reason to its user.
        Directory.Delete(world.PathOf("work", ".git", "lfs", "objects"), recursive: true);
        Assert.Contains("personal data", (await world.GitAsync("work", "-c", "lfs.transfer.maxretries=1", "lfs", "fetch", "origin", "HEAD~1")).Error, StringComparison.Ordinal);

        var upload = (await BatchAsync(world, "upload", [new(Oid, Content.Length)])).Objects[0];
        if (upload.Actions is { } actions) Assert.Equal(HttpStatusCode.OK, await PutAsync(world, actions["upload"], Content));
        Assert.Null((await BatchAsync(world, "download", [new(Oid, Content.Length)])).Objects[0].Error);
        Assert.Empty(await client.ListRemovedLfsObjectsAsync("shop", default));
    }

    [Fact]
    public async Task A_request_that_makes_no_sense_is_refused_with_the_code_of_the_protocol()
    {
        await using var world = await GitWorld.StartAsync();

        Assert.Equal(HttpStatusCode.UnprocessableEntity, await StatusAsync(world, "{"));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await StatusAsync(world, "null"));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await StatusAsync(world, """{"operation":"delete","objects":[]}"""));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await StatusAsync(world, """{"operation":"upload"}"""));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await StatusAsync(world, """{"operation":"upload","objects":[{"oid":"x","size":"many"}]}"""));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await StatusAsync(world, $$"""{"operation":"upload","objects":[{{string.Join(',', Enumerable.Repeat("{}", 1001))}}]}"""));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(world, """{"operation":"upload","objects":[]}""", "nothing"));
        var other = await BatchAsync(world, "upload", [new(Oid, 1)], hash: "sha512");
        Assert.Equal(409, other.Objects[0].Error!.Code);
    }

    [Fact]
    public async Task An_upload_of_other_content_is_refused_and_leaves_nothing()
    {
        await using var world = await GitWorld.StartAsync();
        var upload = (await BatchAsync(world, "upload", [new(Oid, Content.Length)])).Objects[0].Actions!["upload"];

        var changed = Content.ToArray();
        changed[17] ^= 1;
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await PutAsync(world, upload, changed));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await PutAsync(world, upload, Content[..^1]));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await PutAsync(world, upload, [.. Content, 1]));

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(world.Server.DataPath, "tmp")));
        Assert.Equal(404, (await BatchAsync(world, "download", [new(Oid, Content.Length)])).Objects[0].Error!.Code);
        Assert.Equal(HttpStatusCode.OK, await PutAsync(world, upload, Content));
        Assert.Null((await BatchAsync(world, "upload", [new(Oid, Content.Length)])).Objects[0].Actions);
        Assert.Equal(422, (await BatchAsync(world, "upload", [new(Oid, 1)])).Objects[0].Error!.Code);
    }

    [Fact]
    public async Task A_token_is_good_for_one_operation_on_one_object_of_one_project()
    {
        await using var world = await GitWorld.StartAsync();
        await world.Server.Client.CreateProjectAsync("other", default);
        var actions = (await BatchAsync(world, "upload", [new(Oid, Content.Length)])).Objects[0].Actions!;
        Assert.Equal(HttpStatusCode.OK, await PutAsync(world, actions["upload"], Content));

        Assert.Equal(HttpStatusCode.Forbidden, await GetAsync(world, actions["upload"].Href, actions["upload"]));
        var download = (await BatchAsync(world, "download", [new(Oid, Content.Length)])).Objects[0].Actions!["download"];
        Assert.Equal(HttpStatusCode.OK, await GetAsync(world, download.Href, download));
        Assert.Equal(HttpStatusCode.Forbidden, await GetAsync(world, download.Href.Replace("/shop.git/", "/other.git/", StringComparison.Ordinal), download));
        Assert.Equal(HttpStatusCode.Forbidden, await GetAsync(world, download.Href[..^1] + "0", download));
        var forged = download with { Header = new Dictionary<string, string> { ["Authorization"] = "Bearer lfs_AAAA" } };
        Assert.Equal(HttpStatusCode.Forbidden, await GetAsync(world, download.Href, forged));
        Assert.Equal(404, (await BatchAsync(world, "download", [new(Oid, Content.Length)], "other")).Objects[0].Error!.Code);
    }

    [Fact]
    public async Task Over_the_projects_quota_nothing_is_taken_and_the_answer_is_507()
    {
        await using var world = await GitWorld.StartAsync();
        await world.Server.Client.SetBlobQuotaAsync("shop", 100, default);
        Assert.Equal(HttpStatusCode.InsufficientStorage, await StatusAsync(world, $$"""{"operation":"upload","objects":[{"oid":"{{Oid}}","size":{{Content.Length}}}]}"""));
        await world.Server.Client.SetBlobQuotaAsync("shop", null, default);
        Assert.NotNull((await BatchAsync(world, "upload", [new(Oid, Content.Length)])).Objects[0].Actions);
    }

    [Fact]
    public async Task Without_a_login_the_answer_says_how_to_send_one()
    {
        await using var world = await GitWorld.StartAsync(login: true);
        using var http = new HttpClient { BaseAddress = world.Server.Url };
        using var response = await http.PostAsync("/git/shop.git/info/lfs/objects/batch", Json("""{"operation":"download","objects":[]}"""));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.StartsWith("Basic", response.Headers.GetValues("LFS-Authenticate").Single(), StringComparison.Ordinal);
        Assert.Equal("application/vnd.git-lfs+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Contains("\"message\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../up")]
    [InlineData("a/../b")]
    [InlineData(".git/config")]
    [InlineData("a//b")]
    [InlineData("a\u0000b")]
    [InlineData("")]
    public async Task A_path_that_leaves_the_repository_cannot_be_locked(string path)
    {
        await using var world = await GitWorld.StartAsync();
        using var response = await world.Server.Http.PostAsync("/git/shop.git/info/lfs/locks", Json(JsonSerializer.Serialize(new { path })));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
    }

    [Fact]
    public async Task Locks_are_listed_in_pages()
    {
        await using var world = await GitWorld.StartAsync();
        for (var i = 0; i < 5; i++)
        {
            using var response = await world.Server.Http.PostAsync("/git/shop.git/info/lfs/locks", Json($$"""{"path":"f{{i}}"}"""));
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        }
        List<string> paths = [];
        for (string? cursor = ""; cursor is not null;)
        {
            var page = JsonSerializer.Deserialize<LfsLockList>(await world.Server.Http.GetStringAsync($"/git/shop.git/info/lfs/locks?limit=2&cursor={cursor}"), PilothouseClient.Json)!;
            paths.AddRange(page.Locks.Select(l => l.Path));
            cursor = page.NextCursor;
        }
        Assert.Equal(["f0", "f1", "f2", "f3", "f4"], paths);
    }

    private static async Task<LfsBatchAnswer> BatchAsync(GitWorld world, string operation, IReadOnlyList<LfsObjectId?> objects, string project = "shop", string? hash = null)
    {
        var body = JsonSerializer.Serialize(new LfsBatchRequest(operation, ["basic"], null, objects, hash), PilothouseClient.Json);
        using var response = await world.Server.Http.PostAsync($"/git/{project}.git/info/lfs/objects/batch", Json(body));
        return JsonSerializer.Deserialize<LfsBatchAnswer>(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(), PilothouseClient.Json)!;
    }

    private static async Task<HttpStatusCode> StatusAsync(GitWorld world, string body, string project = "shop")
    {
        using var response = await world.Server.Http.PostAsync($"/git/{project}.git/info/lfs/objects/batch", Json(body));
        Assert.Equal("application/vnd.git-lfs+json", response.Content.Headers.ContentType!.MediaType);
        return response.StatusCode;
    }

    private static async Task<HttpStatusCode> PutAsync(GitWorld world, LfsAction action, byte[] content) => await SendAsync(world, HttpMethod.Put, action.Href, action, new ByteArrayContent(content));

    private static async Task<HttpStatusCode> GetAsync(GitWorld world, string href, LfsAction action) => await SendAsync(world, HttpMethod.Get, href, action, null);

    private static async Task<HttpStatusCode> SendAsync(GitWorld world, HttpMethod method, string href, LfsAction action, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, href) { Content = content };
        request.Headers.Authorization = AuthenticationHeaderValue.Parse(action.Header!["Authorization"]);
        using var response = await world.Server.Http.SendAsync(request);
        return response.StatusCode;
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/vnd.git-lfs+json");
}
