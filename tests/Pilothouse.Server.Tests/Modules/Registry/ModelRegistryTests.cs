using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

public class ModelRegistryTests
{
    [Theory, DatabaseData]
    public async Task Content_gets_the_next_number_once(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);

        var first = await registry.RegisterAsync("triage", TestModels.Classifier("a"));
        var second = await registry.RegisterAsync("triage", TestModels.Classifier("b"));
        var again = await registry.RegisterAsync("triage", TestModels.Classifier("a"));

        Assert.Equal((1, 2, 1), (first.Version, second.Version, again.Version));
        Assert.Equal(first.Digest, again.Digest);
        Assert.Equal(ContentManifest.Create(first.Files.Select(f => new ContentFile(f.Path, f.Size, Digest.Parse(f.Digest)))).Digest.ToString(), first.Digest);
        Assert.Equal(["models/triage/2", "models/triage/1"], (await registry.AuditAsync("models/triage/")).Select(e => e.Subject));
        Assert.Equal([2, 1], (await registry.Models.VersionsAsync("triage", default)).Select(v => v.Version));
        Assert.Equal(2, (await registry.Models.GetAsync("models:/triage/latest", default)).Version);
    }

    [Theory, DatabaseData]
    public async Task Registrations_at_once_get_numbers_without_gaps(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);

        var versions = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => registry.RegisterAsync("triage", TestModels.Classifier($"model{i / 2}"))));

        Assert.Equal(Enumerable.Range(1, 12), versions.Select(v => v.Version).Distinct().Order());
        Assert.All(versions.GroupBy(v => v.Digest), same => Assert.Single(same.Select(v => v.Version).Distinct()));
    }

    [Theory, DatabaseData]
    public async Task An_alias_moves_with_its_old_and_new_version_in_the_log(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);
        await registry.RegisterAsync("triage", TestModels.Classifier("a"));
        await registry.RegisterAsync("triage", TestModels.Classifier("b"));

        await registry.Models.SetAliasAsync("triage", "champion", 1, "ann", default);
        await registry.Models.SetAliasAsync("triage", "champion", 2, "bob", default);
        await registry.Models.SetAliasAsync("triage", "champion", 2, "bob", default); // no move, no entry

        var version = await registry.Models.GetAsync("models:/triage@champion", default);
        Assert.Equal(2, version.Version);
        Assert.Equal(["champion"], version.Aliases);
        Assert.Equal(2, Assert.Single(await registry.Models.ListAsync(default)).Aliases["champion"]);
        Assert.Equal(["bob: {\"old_version\":1,\"new_version\":2}", "ann: {\"new_version\":1}"], (await registry.AuditAsync("models/triage@champion")).Select(e => $"{e.Actor}: {e.Details}"));

        await registry.Models.DeleteAliasAsync("triage", "champion", "ann", null, default);
        await AssertFails(ErrorCode.NotFound, "versions 2, 1", () => registry.Models.GetAsync("models:/triage@champion", default));
    }

    [Theory]
    [InlineData("../config.json")]
    [InlineData("/etc/passwd")]
    [InlineData("a\\b")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("a\nb")]
    [InlineData("")]
    [InlineData("model.onnx")]          // twice
    [InlineData("config.json/inside")]  // a file as directory
    public async Task A_hostile_path_is_refused(string path)
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var files = await registry.Blobs.StoreAsync(TestModels.Classifier());

        var error = await Assert.ThrowsAnyAsync<Exception>(() => registry.Models.RegisterAsync("triage", new NewModelVersion("classifier", [.. files, files[0] with { Path = path }]), "ann", default));

        Assert.True(error is PilothouseException { Code: ErrorCode.InvalidArgument } or Protocols.ProtocolFormatException, error.ToString());
        Assert.Empty(await registry.Models.ListAsync(default));
    }

    [Fact]
    public async Task Missing_blobs_are_named_and_nothing_is_registered()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var files = await registry.Blobs.StoreAsync(TestModels.Classifier());
        var absent = "sha256:" + new string('7', 64);

        await AssertFails(ErrorCode.NotFound, absent, () => registry.Models.RegisterAsync("triage", new NewModelVersion("classifier", [.. files, new ArtifactFile("vocab.txt", absent, 3)]), "ann", default));

        Assert.Empty(await registry.Models.ListAsync(default));
        Assert.Empty(await registry.AuditAsync(""));
    }

    [Fact]
    public async Task A_size_that_is_not_the_blobs_is_refused()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var files = await registry.Blobs.StoreAsync(TestModels.Classifier());

        await AssertFails(ErrorCode.DigestMismatch, "is said to have", () => registry.Models.RegisterAsync("triage", new NewModelVersion("classifier", [files[0] with { Size = 1 }, files[1]]), "ann", default));
    }

    [Theory]
    [InlineData("generative", "tokenizer.json")]
    [InlineData("generative", "config.json")]
    [InlineData("generative", "model.safetensors")]
    [InlineData("classifier", "model.onnx")]
    [InlineData("diffusion", "none")]
    public async Task An_unknown_format_is_refused_with_what_is_accepted(string kind, string without)
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var files = kind == "classifier" ? TestModels.Classifier() : TestModels.Generative();
        files.Remove(without);
        files["pytorch_model.bin"] = [0x80, 0x02];

        await AssertFails(ErrorCode.Unsupported, "Accepted are: generative = config.json", () => registry.RegisterAsync("m", files, kind));

        Assert.Empty(await registry.Models.ListAsync(default));
    }

    [Theory]
    [InlineData("model.onnx", "truncated")]
    [InlineData("model.safetensors", "truncated")]
    [InlineData("config.json", "cannot be loaded")]
    [InlineData("tokenizer.json", "cannot be loaded")]
    public async Task A_cut_file_is_refused(string path, string says)
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var files = TestModels.Generative();
        files["model.onnx"] = TestModels.Onnx();
        files[path] = files[path][..^1];

        await AssertFails(ErrorCode.InvalidArgument, says, () => registry.RegisterAsync("m", files, "generative"));

        Assert.Empty(await registry.Models.ListAsync(default));
    }

    [Fact]
    public async Task A_model_keeps_its_kind()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        await registry.RegisterAsync("m", TestModels.Classifier());

        await AssertFails(ErrorCode.FailedPrecondition, "registered as classifier", () => registry.RegisterAsync("m", TestModels.Generative(), "generative"));
    }

    [Fact]
    public async Task Lineage_keeps_the_version_an_alias_meant_and_leads_somewhere()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        await registry.RegisterAsync("base", TestModels.Classifier("a"));
        await registry.Models.SetAliasAsync("base", "champion", 1, "ann", default);
        var rows = await registry.Blobs.PutAsync("{\"x\":1}\n"u8.ToArray().AsStream(), null, default);
        await registry.Datasets.RegisterAsync("train", new NewDatasetVersion(rows.Digest, "jsonl"), "ann", default);

        var derived = await registry.RegisterAsync("derived", TestModels.Classifier("b"), with: v => v with { BaseModel = "models:/base@champion", Datasets = ["datasets:/train/1"], RunId = "r1" });

        Assert.Equal(("models:/base/1", "r1"), (derived.BaseModel, derived.RunId));
        Assert.Equal(["datasets:/train/1"], (await registry.Models.GetAsync("models:/derived/1", default)).Datasets);
        await AssertFails(ErrorCode.NotFound, "datasets:/train/2", () => registry.RegisterAsync("derived", TestModels.Classifier("c"), with: v => v with { Datasets = ["datasets:/train/2"] }));
        await AssertFails(ErrorCode.NotFound, "no model 'nobody'", () => registry.RegisterAsync("derived", TestModels.Classifier("c"), with: v => v with { BaseModel = "models:/nobody/1" }));
    }

    [Fact]
    public async Task Calls_at_once_materialize_one_whole_directory()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var files = TestModels.Generative();
        files["extra/notes.txt"] = "hello"u8.ToArray();
        var version = await registry.RegisterAsync("m", files, "generative");

        var paths = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => registry.Models.MaterializeAsync(version, default))));

        var path = Assert.Single(paths.Distinct());
        Assert.Equal(version.Digest, (await ContentManifest.OfDirectoryAsync(path, default)).Digest.ToString());
        Assert.Empty(Directory.GetFiles(Path.Combine(path, "..", "..", "..", "tmp"), "*", SearchOption.AllDirectories));
    }

    internal static async Task AssertFails(ErrorCode code, string says, Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<PilothouseException>(call);
        Assert.Equal(code, error.Code);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }
}

internal static class Bytes
{
    public static Stream AsStream(this byte[] content) => new MemoryStream(content, writable: false);
}
