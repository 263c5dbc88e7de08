using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Pilothouse.Protocols.Hub;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Tests.Modules.Registry;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Hub;

/// <summary>Requests in the shapes in which huggingface_hub (Python) sends them: read from its source, as the client itself is not to be had here.</summary>
public class HubTests
{
    private const string Card = "---\nlicense: mit\npipeline_tag: text-generation\ndatasets:\n- team/faq\nbase_model: other/base\n---\n# Tiny\n";

    [Theory, DatabaseData]
    public async Task A_folder_is_pushed_and_read_back(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var hub = new HubCalls(server.Http);
        await hub.PostAsync("api/repos/create", new { name = "tiny", organization = "team", type = "model" });
        Assert.Equal(HttpStatusCode.Conflict, (await hub.SendAsync(HttpMethod.Post, "api/repos/create", new { name = "tiny", organization = "team", type = "model" })).StatusCode);
        Assert.Equal(HubEmpty, (await hub.GetAsync("api/models/team/tiny")).GetProperty("sha").GetString());

        var weights = TestModels.Safetensors();
        var modes = await hub.PostAsync("api/models/team/tiny/preupload/main", new { files = new[] { new { path = "README.md", size = Card.Length, sample = "LS0t" }, new { path = "model.safetensors", size = weights.Length, sample = "AAAA" } } });
        Assert.Equal(["regular", "lfs"], modes.GetProperty("files").EnumerateArray().Select(f => f.GetProperty("uploadMode").GetString()!));
        var first = await hub.UploadAsync("team/tiny", weights);
        var commit = await hub.CommitAsync("team/tiny", null, HubCalls.File("README.md", Card), HubCalls.File("config.json", """{"model_type":"llama","architectures":["LlamaForCausalLM"]}"""), HubCalls.File("docs/a/b.txt", "deep"), HubCalls.Large("model.safetensors", weights));
        Assert.True(first);
        Assert.False(await hub.UploadAsync("team/tiny", weights)); // it is there: nothing to send

        var info = await hub.GetAsync("api/models/team/tiny/revision/main?blobs=true");
        Assert.Equal(commit, info.GetProperty("sha").GetString());
        Assert.Equal(("team/tiny", "text-generation", "transformers"), (info.GetProperty("id").GetString(), info.GetProperty("pipeline_tag").GetString(), info.GetProperty("library_name").GetString()));
        Assert.Equal(2, info.GetProperty("safetensors").GetProperty("parameters").GetProperty("F32").GetInt64());
        Assert.Equal("mit", info.GetProperty("cardData").GetProperty("license").GetString());
        Assert.Contains("license:mit", info.GetProperty("tags").EnumerateArray().Select(t => t.GetString()));
        var siblings = info.GetProperty("siblings").EnumerateArray().ToDictionary(s => s.GetProperty("rfilename").GetString()!);
        Assert.Equal(GitBlobId.Of(Encoding.UTF8.GetBytes(Card)), siblings["README.md"].GetProperty("blobId").GetString());
        Assert.Equal(Sha(weights), siblings["model.safetensors"].GetProperty("lfs").GetProperty("sha256").GetString());
        var version = await server.Client.GetModelVersionAsync("models:/team--tiny/1", default);
        Assert.Equal(("hf:other/base", "Upload"), (version.BaseModel, version.Description));

        var tree = await hub.GetAsync($"api/models/team/tiny/tree/{commit}?recursive=false");
        Assert.Equal(["docs:directory", "README.md:file", "config.json:file", "model.safetensors:file"], tree.EnumerateArray().Select(e => $"{e.GetProperty("path")}:{e.GetProperty("type")}"));
        Assert.Equal(6, (await hub.GetAsync("api/models/team/tiny/tree/main?recursive=True&expand=True")).GetArrayLength());
        Assert.Equal("docs/a/b.txt", (await hub.GetAsync("api/models/team/tiny/tree/main/docs/a")).EnumerateArray().Single().GetProperty("path").GetString());

        // The same files again: no new version. A file less: a version more.
        Assert.Equal(commit, await hub.CommitAsync("team/tiny", commit, HubCalls.File("README.md", Card)));
        var second = await hub.CommitAsync("team/tiny", commit, HubCalls.Line("deletedFolder", new { path = "docs/" }));
        Assert.NotEqual(commit, second);
        Assert.Equal(2, (await server.Client.ListModelVersionsAsync("team--tiny", default)).Count);
        // What was is again: still a version of its own.
        Assert.Equal(commit, await hub.CommitAsync("team/tiny", second, HubCalls.File("docs/a/b.txt", "deep")));
        Assert.Equal(3, (await server.Client.ListModelVersionsAsync("team--tiny", default))[0].Version);
        Assert.Equal([3, 2, 1], (await hub.GetAsync("api/models/team/tiny/commits/main")).EnumerateArray().Select((_, i) => 3 - i));
        Assert.Equal("v3", (await hub.GetAsync("api/models/team/tiny/refs")).GetProperty("tags")[0].GetProperty("name").GetString());
    }

    [Theory, DatabaseData]
    public async Task Files_come_with_the_headers_that_clients_cache_by(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var hub = new HubCalls(server.Http);
        var weights = TestModels.Safetensors();
        await hub.PostAsync("api/repos/create", new { name = "tiny", type = "model" });
        await hub.UploadAsync("tiny", weights);
        var commit = await hub.CommitAsync("tiny", null, HubCalls.File("config.json", "{}"), HubCalls.Large("model.safetensors", weights));
        await server.Client.SetModelAliasAsync("tiny", "champion", 1, default);

        foreach (var revision in (string[])["main", commit, "1", "v1", "champion", "HEAD"])
        {
            using var head = await hub.SendAsync(HttpMethod.Head, $"tiny/resolve/{revision}/model.safetensors", null, r => r.Headers.AcceptEncoding.ParseAdd("identity"));
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
            Assert.Equal(commit, head.Headers.GetValues("X-Repo-Commit").Single());
            Assert.Equal($"\"{Sha(weights)}\"", head.Headers.GetValues("X-Linked-ETag").Single());
            Assert.Equal($"{weights.Length}", head.Headers.GetValues("X-Linked-Size").Single());
            Assert.Equal(weights.Length, head.Content.Headers.ContentLength);
            Assert.False(head.Headers.Contains("X-Xet-Hash"));
        }
        using var small = await hub.SendAsync(HttpMethod.Get, "tiny/resolve/main/config.json", null);
        Assert.Equal($"\"{GitBlobId.Of("{}"u8)}\"", small.Headers.ETag!.Tag);
        Assert.False(small.Headers.Contains("X-Linked-ETag"));
        using var part = await hub.SendAsync(HttpMethod.Get, "tiny/resolve/main/model.safetensors", null, r => r.Headers.Range = new RangeHeaderValue(8, null));
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(weights[8..], await part.Content.ReadAsByteArrayAsync());
        using var known = await hub.SendAsync(HttpMethod.Get, "tiny/resolve/main/config.json", null, r => r.Headers.IfNoneMatch.Add(small.Headers.ETag));
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        var paths = await hub.FormAsync("api/models/tiny/paths-info/main", [("paths", "config.json"), ("paths", "nothing"), ("expand", "True")]);
        Assert.Equal(("config.json", commit), (paths.EnumerateArray().Single().GetProperty("path").GetString(), paths[0].GetProperty("lastCommit").GetProperty("id").GetString()));
    }

    [Theory]
    [InlineData("api/models/nobody/nothing", 404, "RepoNotFound")]
    [InlineData("nobody/nothing/resolve/main/config.json", 404, "RepoNotFound")]
    [InlineData("api/models/tiny/revision/no-such", 404, "RevisionNotFound")]
    [InlineData("tiny/resolve/0123456789012345678901234567890123456789/config.json", 404, "RevisionNotFound")]
    [InlineData("tiny/resolve/main/no-such.bin", 404, "EntryNotFound")]
    [InlineData("tiny/resolve/main/..%2F..%2Fetc%2Fpasswd", 404, "EntryNotFound")]
    [InlineData("api/models/tiny/tree/main/no-such", 404, "EntryNotFound")]
    [InlineData("api/models/tiny/xet-read-token/main", 501, null)]
    [InlineData("api/models?limit=-1", 400, null)]
    [InlineData("api/spaces/tiny", 404, null)]
    public async Task Faults_have_the_hubs_names(string path, int status, string? code)
    {
        await using var server = await TestServer.StartAsync();
        var hub = new HubCalls(server.Http);
        await hub.PostAsync("api/repos/create", new { name = "tiny", type = "model" });
        var commit = await hub.CommitAsync("tiny", null, HubCalls.File("config.json", "{}"));
        using var response = await hub.SendAsync(HttpMethod.Get, path, null);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(code, response.Headers.TryGetValues("X-Error-Code", out var codes) ? codes.Single() : null);
        Assert.NotEmpty(response.Headers.GetValues("X-Error-Message").Single());
        if (code == "EntryNotFound") Assert.Equal(commit, response.Headers.GetValues("X-Repo-Commit").Single());
    }

    [Fact]
    public async Task A_bad_push_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var hub = new HubCalls(server.Http);
        await hub.PostAsync("api/repos/create", new { name = "tiny", type = "model" });
        var commit = await hub.CommitAsync("tiny", null, HubCalls.File("config.json", "{}"));
        foreach (var (lines, status) in new (string[] Lines, int Status)[]
        {
            ([HubCalls.File("a.txt", "x"), HubCalls.Large("w.bin", [1, 2, 3])], 400), // never uploaded
            ([HubCalls.File("a.txt", "x"), HubCalls.Line("file", new { path = "../../etc/cron.d/x", encoding = "base64", content = "eA==" })], 400),
            ([HubCalls.File("a.txt", "x"), HubCalls.Line("deletedFile", new { path = "no-such" })], 404),
            ([HubCalls.File("config.json/below", "x")], 400), // a file as a directory
            ([HubCalls.Line("deletedFile", new { path = "config.json" })], 400), // nothing would be left
            (["not json"], 400),
        })
        {
            Assert.Equal(status, (int)(await hub.TryCommitAsync("tiny", commit, lines)).StatusCode);
        }
        using var stale = await hub.TryCommitAsync("tiny", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", HubCalls.File("a.txt", "x"));
        Assert.Equal(HttpStatusCode.PreconditionFailed, stale.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await hub.TryCommitAsync("tiny", null, [HubCalls.File("a.txt", "x")], "dev")).StatusCode);
        Assert.Single(await server.Client.ListModelVersionsAsync("tiny", default));

        var grant = (await hub.PostAsync("tiny.git/info/lfs/objects/batch", new { operation = "upload", transfers = new[] { "basic" }, objects = new[] { new { oid = Sha([1, 2, 3]), size = 3 } } })).GetProperty("objects")[0].GetProperty("actions").GetProperty("upload").GetProperty("href").GetString()!;
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PutAsync(grant, new ByteArrayContent([9, 9, 9]))).StatusCode); // another digest
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PutAsync(grant, new ByteArrayContent([1, 2]))).StatusCode); // cut short
        Assert.Equal(HttpStatusCode.Forbidden, (await server.Http.PutAsync(grant[..^4] + "AAAA", new ByteArrayContent([1, 2, 3]))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Http.PutAsync(grant, new ByteArrayContent([1, 2, 3]))).StatusCode);
    }

    [Fact]
    public async Task Concurrent_commits_all_arrive()
    {
        await using var server = await TestServer.StartAsync();
        var hub = new HubCalls(server.Http);
        await hub.PostAsync("api/repos/create", new { name = "tiny", type = "model" });
        await hub.CommitAsync("tiny", null, HubCalls.File("config.json", "{}"));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => hub.CommitAsync("tiny", null, HubCalls.File($"f{i}.txt", $"{i}"))));
        Assert.Equal(5, (await hub.GetAsync("api/models/tiny")).GetProperty("siblings").GetArrayLength());
        Assert.Equal(5, (await server.Client.ListModelVersionsAsync("tiny", default)).Count);
    }

    [Theory, DatabaseData]
    public async Task A_data_set_is_pushed_profiled_and_listed(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var hub = new HubCalls(server.Http);
        await hub.PostAsync("api/repos/create", new { name = "faq", organization = "team", type = "dataset" });
        await hub.CommitAsync("team/faq", null, [HubCalls.File("README.md", "---\ntask_categories:\n- question-answering\n---\n")], "dataset");
        await hub.CommitAsync("team/faq", null, [HubCalls.File("data/train.jsonl", "{\"q\":\"a\"}\n{\"q\":\"b\"}\n"), HubCalls.File("data/test.jsonl", "{\"q\":\"c\"}\n")], "dataset");

        var version = await server.Client.GetDatasetAsync("team--faq", null, default);
        Assert.Equal((2, 3L), (version.Version, version.Rows));
        Assert.Equal(["train", "test"], version.Splits.Select(s => s.Name));
        Assert.Equal("q", (await server.Client.GetDatasetProfileAsync("team--faq", 2, default)).Columns.Single().Name);
        var info = await hub.GetAsync("api/datasets/team/faq");
        Assert.Contains("task_categories:question-answering", info.GetProperty("tags").EnumerateArray().Select(t => t.GetString()));
        using var file = await hub.SendAsync(HttpMethod.Get, "datasets/team/faq/resolve/main/data/test.jsonl", null);
        Assert.Equal("{\"q\":\"c\"}\n", await file.Content.ReadAsStringAsync());
        using var bad = await hub.TryCommitAsync("team/faq", null, [HubCalls.File("data/more.jsonl", "{\"q\":")], "dataset");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        Assert.Contains("data/more.jsonl, line 1", await bad.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(2, (await server.Client.GetDatasetAsync("team--faq", null, default)).Version);
        // A model whose card names it is made from it.
        await hub.PostAsync("api/repos/create", new { name = "tiny", organization = "team", type = "model" });
        await hub.CommitAsync("team/tiny", null, HubCalls.File("README.md", Card));
        Assert.Equal(["datasets:/team--faq/2"], (await server.Client.GetModelVersionAsync("models:/team--tiny/1", default)).Datasets);
    }

    [Fact]
    public async Task What_the_registry_has_is_listed_searched_and_paged()
    {
        await using var server = await TestServer.StartAsync();
        var hub = new HubCalls(server.Http);
        for (var i = 0; i < 5; i++)
        {
            await hub.PostAsync("api/repos/create", new { name = $"m{i}", organization = i < 3 ? "team" : "other", type = "model" });
            await hub.CommitAsync($"{(i < 3 ? "team" : "other")}/m{i}", null, HubCalls.File("README.md", i == 0 ? Card : $"# {i}"));
        }
        Assert.Equal(["team/m0"], Ids(await hub.GetAsync("api/models?filter=license:mit")));
        Assert.Equal(["other/m3", "other/m4"], Ids(await hub.GetAsync("api/models?author=other&sort=id")));
        Assert.Equal(["team/m2"], Ids(await hub.GetAsync("api/models?search=M2")));
        using var page = await hub.SendAsync(HttpMethod.Get, "api/models?limit=2&sort=id", null);
        var next = page.Headers.GetValues("Link").Single();
        Assert.EndsWith("; rel=\"next\"", next, StringComparison.Ordinal);
        Assert.Equal(["team/m0", "team/m1"], Ids(JsonDocument.Parse(await server.Http.GetStringAsync(next[1..next.IndexOf('>', StringComparison.Ordinal)])).RootElement));

        static string[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(m => m.GetProperty("id").GetString()!)];
    }

    [Fact]
    public async Task A_guarded_server_asks_for_a_token_and_takes_it_with_the_hubs_prefix()
    {
        await using var server = await TestServer.StartAsync(customize: b => b.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Identity:AdminToken"] = "secret-of-the-administrator" }));
        var hub = new HubCalls(server.Http);
        using var none = await hub.SendAsync(HttpMethod.Get, "api/models/tiny", null);
        Assert.Equal(HttpStatusCode.Unauthorized, none.StatusCode);
        using var wrong = await hub.SendAsync(HttpMethod.Get, "api/whoami-v2", null, r => r.Headers.Authorization = new("Bearer", "hf_nothing"));
        Assert.Equal((HttpStatusCode.Unauthorized, "Invalid credentials in Authorization header"), (wrong.StatusCode, wrong.Headers.GetValues("X-Error-Message").Single()));
        using var me = await hub.SendAsync(HttpMethod.Get, "api/whoami-v2", null, r => r.Headers.Authorization = new("Bearer", "hf_secret-of-the-administrator"));
        Assert.Equal(HttpStatusCode.OK, me.StatusCode);
        using var list = await hub.SendAsync(HttpMethod.Get, "api/models", null, r => r.Headers.Authorization = new("Bearer", "secret-of-the-administrator"));
        Assert.Equal("[]", await list.Content.ReadAsStringAsync());
    }

    private const string HubEmpty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    private static string Sha(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
