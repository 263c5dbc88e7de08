using System.Net;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Oci;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Packaging;

/// <summary>A pushed commit becomes a release that stock skopeo reads, copies and pulls without changing a byte.</summary>
public sealed class ReleasePackageTests : IAsyncLifetime
{
    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("pilothouse-release-");
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Shell.Has("git"), "git is not installed.");
        _server = await TestServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _work.Delete(recursive: true);
    }

    [Fact]
    public async Task Skopeo_reads_and_copies_the_layout_unchanged()
    {
        Assert.SkipUnless(Shell.Has("skopeo"), "skopeo is not installed.");
        var release = await ReleaseAsync();
        await _server.Client.ApproveReleaseAsync(release.Digest, "looks right", default);
        var layout = Path.Combine(_work.FullName, "layout");
        var tag = release.Commit[..12];

        var blobs = await _server.Client.ExportReleaseAsync(release.Digest, layout, default);

        // Manifest, config, 2 model files, project file; approval: manifest, empty config, statement.
        Assert.Equal(8, blobs);
        var raw = (await Shell.RunAsync(_work.FullName, "skopeo", "inspect", "--raw", $"oci:{layout}:{tag}")).Succeeded();
        Assert.Equal(release.Digest, Digest.Of(System.Text.Encoding.UTF8.GetBytes(raw.TrimEnd())).ToString());
        (await Shell.RunAsync(_work.FullName, "skopeo", "copy", $"oci:{layout}:{tag}", $"oci:{Path.Combine(_work.FullName, "copy")}:{tag}")).Succeeded();
        await AssertSameAsync(release, Path.Combine(_work.FullName, "copy"));
    }

    [Fact]
    public async Task Skopeo_pulls_the_release_from_the_registry_unchanged()
    {
        Assert.SkipUnless(Shell.Has("skopeo"), "skopeo is not installed.");
        var release = await ReleaseAsync();
        var (reference, pulled) = ($"docker://{_server.Url.Host}:{_server.Url.Port}/shop", Path.Combine(_work.FullName, "pulled"));

        (await Shell.RunAsync(_work.FullName, "skopeo", "copy", "--src-tls-verify=false", $"{reference}:{release.Commit[..12]}", $"oci:{pulled}:v1")).Succeeded();
        var tags = (await Shell.RunAsync(_work.FullName, "skopeo", "list-tags", "--tls-verify=false", reference)).Succeeded();

        await AssertSameAsync(release, pulled);
        Assert.Equal(release.Commit[..12], JsonDocument.Parse(tags).RootElement.GetProperty("Tags")[0].GetString());
    }

    [Fact]
    public async Task The_registry_answers_as_the_specification_says()
    {
        var release = await ReleaseAsync();
        await _server.Client.ApproveReleaseAsync(release.Digest, null, default);

        Assert.Equal(HttpStatusCode.OK, (await _server.Http.GetAsync("/v2/")).StatusCode);
        using var head = await _server.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/v2/shop/manifests/{release.Digest}"));
        Assert.Equal(release.Digest, head.Headers.GetValues("Docker-Content-Digest").Single());
        Assert.Equal(OciMediaTypes.Manifest, head.Content.Headers.ContentType!.MediaType);
        var referrers = OciJson.ParseIndex(await _server.Http.GetByteArrayAsync($"/v2/shop/referrers/{release.Digest}?artifactType={OciMediaTypes.Approval}"));
        var approval = Assert.Single(referrers.Manifests);
        Assert.Equal(OciMediaTypes.Approval, approval.ArtifactType);
        Assert.Single(OciJson.ParseIndex(await _server.Http.GetByteArrayAsync($"/v2/shop/referrers/{release.Digest}?artifactType={Uri.EscapeDataString(OciMediaTypes.Approval)}")).Manifests);
        Assert.Empty(OciJson.ParseIndex(await _server.Http.GetByteArrayAsync($"/v2/shop/referrers/{release.Digest}?artifactType=text/plain")).Manifests);
        Assert.Equal(HttpStatusCode.OK, (await _server.Http.GetAsync($"/v2/shop/manifests/{approval.Digest}")).StatusCode);
        Assert.Empty(OciJson.ParseIndex(await _server.Http.GetByteArrayAsync($"/v2/shop/referrers/sha256:{new string('0', 64)}")).Manifests);
        await AssertErrorAsync(HttpMethod.Get, $"/v2/shop/manifests/sha256:{new string('0', 64)}", 404, "MANIFEST_UNKNOWN");
        await AssertErrorAsync(HttpMethod.Get, $"/v2/other/manifests/{release.Digest}", 404, "MANIFEST_UNKNOWN");
        await AssertErrorAsync(HttpMethod.Get, $"/v2/shop/blobs/sha256:{new string('0', 64)}", 404, "BLOB_UNKNOWN");
        await AssertErrorAsync(HttpMethod.Get, "/v2/shop/blobs/sha256:nothing", 400, "DIGEST_INVALID");
        await AssertErrorAsync(HttpMethod.Post, "/v2/shop/blobs/uploads/", 405, "UNSUPPORTED");
    }

    private async Task AssertErrorAsync(HttpMethod method, string path, int status, string code)
    {
        using var response = await _server.Http.SendAsync(new HttpRequestMessage(method, path));
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(code, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("errors")[0].GetProperty("code").GetString());
    }

    /// <summary>The copied layout holds the manifest and all it names, under their digests.</summary>
    private static async Task AssertSameAsync(Release release, string layout)
    {
        var index = OciJson.ParseIndex(await File.ReadAllBytesAsync(Path.Combine(layout, "index.json")));
        Assert.Equal(release.Digest, Assert.Single(index.Manifests).Digest.ToString());
        var manifest = OciJson.ParseManifest(await BlobAsync(layout, index.Manifests[0].Digest));
        foreach (var descriptor in (OciDescriptor[])[manifest.Config, .. manifest.Layers]) Assert.Equal(descriptor.Size, (await BlobAsync(layout, descriptor.Digest)).Length);
    }

    private static async Task<byte[]> BlobAsync(string layout, Digest digest)
    {
        var content = await File.ReadAllBytesAsync(Path.Combine(layout, "blobs", "sha256", digest.Hex));
        Assert.Equal(digest, Digest.Of(content));
        return content;
    }

    /// <summary>A project with one classifier, pushed by git and released.</summary>
    private async Task<Release> ReleaseAsync()
    {
        var model = Path.Combine(_work.FullName, "model");
        Directory.CreateDirectory(model);
        await File.WriteAllTextAsync(Path.Combine(model, "config.json"), """{"model_type":"hashed_ngrams"}""");
        // ModelProto { ir_version: 8, graph: { name: "" } }
        await File.WriteAllBytesAsync(Path.Combine(model, "model.onnx"), [0x08, 0x08, 0x3A, 0x02, 0x12, 0x00]);
        await _server.Client.RegisterModelDirectoryAsync("triage", model, files => new NewModelVersion("classifier", files), default);
        await _server.Client.CreateProjectAsync("shop", default);

        var project = Path.Combine(_work.FullName, "project");
        Directory.CreateDirectory(project);
        await File.WriteAllTextAsync(Path.Combine(project, "pilothouse.yaml"), """
            apiVersion: pilothouse/v1
            project: shop
            models:
              triage: { kind: classifier, engine: onnx, version: 1 }
            """);
        string[][] commands =
        [
            ["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "-m", "First"],
            ["push", "--quiet", new Uri(_server.Url, "/git/shop.git").ToString(), "main"],
        ];
        foreach (var command in commands) (await Shell.RunAsync(project, "git", command)).Succeeded();
        return await _server.Client.CreateReleaseAsync(new NewRelease("shop", "main"), default);
    }
}
