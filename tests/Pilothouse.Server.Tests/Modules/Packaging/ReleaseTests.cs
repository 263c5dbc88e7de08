using System.Text.Json;
using Pilothouse.Protocols.Oci;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Registry;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Packaging;

public class ReleaseTests
{
    [Theory, DatabaseData]
    public async Task A_commit_gives_one_release_whoever_asks_and_when(string kind)
    {
        await using var packaging = await PackagingFixture.CreateAsync(kind);
        await using var elsewhere = await PackagingFixture.CreateAsync();
        elsewhere.Registry.Time.Advance(TimeSpan.FromDays(3));

        var first = await packaging.CreateReleaseAsync("ann");
        packaging.Registry.Time.Advance(TimeSpan.FromHours(1));
        var again = await packaging.CreateReleaseAsync("bob");

        Assert.Equal(JsonSerializer.Serialize(first), JsonSerializer.Serialize(again));
        Assert.Equal(first.Digest, (await elsewhere.CreateReleaseAsync("carl")).Digest);
        Assert.Equal("ann", first.CreatedBy);
        Assert.Equal("release.create", Assert.Single(await packaging.Registry.AuditAsync("releases/")).Action);
        Assert.Equal(["code support", "config pilothouse.yaml", "dataset heldout", "model assistant", "model triage", "prompt prompts/support.yaml"], first.Components.Select(c => $"{c.Type} {c.Name}"));
        Assert.Equal($"git:{FakeRepositories.CommitId}", first.Components[0].Reference);
        Assert.Equal("models:/assistant/1", first.Components[3].Reference);
        Assert.Equal(first.Digest, Assert.Single(await packaging.Releases.ListAsync("support", 10, default)).Digest);
        Assert.Empty(await packaging.Releases.ListAsync("other", 10, default));
    }

    [Fact]
    public async Task The_manifest_holds_the_models_files_as_raw_layers()
    {
        await using var packaging = await PackagingFixture.CreateAsync();

        var release = await packaging.CreateReleaseAsync();

        var manifest = await ManifestAsync(packaging, release.Digest);
        Assert.Equal((OciMediaTypes.Release, OciMediaTypes.Release), (manifest.ArtifactType, manifest.Config.MediaType));
        Assert.Equal(FakeRepositories.CommitId, manifest.Annotations![OciAnnotations.Revision]);
        Assert.Equal("2026-01-01T00:00:00Z", manifest.Annotations[OciAnnotations.Created]);
        Assert.Equal(["models/assistant/config.json", "models/assistant/model.safetensors", "models/assistant/tokenizer.json", "models/triage/config.json", "models/triage/model.onnx", "pilothouse.yaml", "prompts/support.yaml"],
            manifest.Layers.Select(l => l.Annotations![OciAnnotations.Title]));
        Assert.Equal(OciMediaTypes.ModelWeightRaw, manifest.Layers[1].MediaType);
        Assert.All(manifest.Layers, layer => Assert.True(File.Exists(Path.Combine(packaging.Registry.BlobsPath, "sha256", layer.Digest.Hex[..2], layer.Digest.Hex[2..4], layer.Digest.Hex))));
    }

    [Theory]
    [InlineData("version: 1 }", "version: 7 }", ErrorCode.NotFound, "has the versions 1")]
    [InlineData("version: 1 }", "version: 1, digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000' }", ErrorCode.DigestMismatch, "models.triage.digest says")]
    [InlineData("version: 1 }", "digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000' }", ErrorCode.NotFound, "no version of 'triage'")]
    [InlineData("kind: classifier", "kind: generative", ErrorCode.FailedPrecondition, "is a classifier model")]
    [InlineData("data/heldout.jsonl", "data/missing.jsonl", ErrorCode.NotFound, "there is no data/missing.jsonl")]
    [InlineData("prompts/support.yaml", "prompts/missing.yaml", ErrorCode.NotFound, "there is no prompts/missing.yaml")]
    [InlineData("{ path: data/heldout.jsonl }", "{ dataset: heldout, version: 1 }", ErrorCode.NotFound, "no data set 'heldout'")]
    public async Task What_is_not_as_declared_stops_the_release(string from, string to, ErrorCode code, string says)
    {
        await using var packaging = await PackagingFixture.CreateAsync();
        packaging.Repositories.Files["pilothouse.yaml"] = packaging.Repositories.Files["pilothouse.yaml"].Replace(from, to, StringComparison.Ordinal);

        await ModelRegistryTests.AssertFails(code, says, () => packaging.CreateReleaseAsync());

        Assert.Empty(await packaging.Releases.ListAsync(null, 10, default));
    }

    [Fact]
    public async Task A_broken_prompt_stops_the_release()
    {
        await using var packaging = await PackagingFixture.CreateAsync();
        packaging.Repositories.Files["prompts/support.yaml"] = "templat: x\n";

        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "prompts/support.yaml:1", () => packaging.CreateReleaseAsync());
    }

    [Theory, DatabaseData]
    public async Task Evidence_that_comes_later_is_bound_to_the_release_once(string kind)
    {
        await using var packaging = await PackagingFixture.CreateAsync(kind);
        packaging.Evaluations.Details.Add(FakeEvaluations.Finished("e0", "PASS", commit: new string('0', 40)));
        var before = await packaging.CreateReleaseAsync();

        packaging.Evaluations.Details.Add(FakeEvaluations.Finished("e1", "PASS"));
        packaging.Evaluations.Details.Add(FakeEvaluations.Finished("e2", "FAIL") with { Summary = FakeEvaluations.Finished("e2", "FAIL").Summary with { Status = "running", Verdict = null } });
        packaging.Fairness.Reports.Add(new FairnessReport("f1", "support", FakeRepositories.CommitId, "FAIL", [new FairnessCheck("pronouns", "assistant", "generative", "pronoun_preference", "FAIL", "0.6 exceeds 0.2", [], [])], "ann", 1_767_225_900_000, null));
        var after = await packaging.Releases.GetAsync(before.Digest, default);
        var again = await packaging.Releases.GetAsync(before.Digest, default);

        Assert.Empty(before.Evidence);
        Assert.Equal(["evaluation PASS e1", "fairness FAIL f1"], after.Evidence.Select(e => $"{e.Type} {e.Verdict} {e.Id}"));
        Assert.Equal("pronouns FAIL: 0.6 exceeds 0.2", after.Evidence[1].Summary);
        Assert.Equal(after.Evidence, again.Evidence);
        var manifest = await ManifestAsync(packaging, after.Evidence[0].Digest);
        Assert.Equal((OciMediaTypes.Evaluation, before.Digest), (manifest.ArtifactType, manifest.Subject!.Digest.ToString()));
        using var statement = JsonDocument.Parse(await packaging.Registry.Blobs.ReadAsync(manifest.Layers[0].Digest.ToString(), 100_000, default));
        Assert.Equal("https://in-toto.io/Statement/v1", statement.RootElement.GetProperty("_type").GetString());
        Assert.Equal(before.Digest[7..], statement.RootElement.GetProperty("subject")[0].GetProperty("digest").GetProperty("sha256").GetString());
        Assert.Equal("PASSED", statement.RootElement.GetProperty("predicate").GetProperty("result").GetString());
        Assert.Equal("support-quality/floor", statement.RootElement.GetProperty("predicate").GetProperty("passedTests")[0].GetString());
    }

    [Theory, DatabaseData]
    public async Task The_author_cannot_approve_but_a_second_person_can_once(string kind)
    {
        await using var packaging = await PackagingFixture.CreateAsync(kind);
        var release = await packaging.CreateReleaseAsync("ann");

        await ModelRegistryTests.AssertFails(ErrorCode.PermissionDenied, "needs a second person", () => packaging.Releases.ApproveAsync(release.Digest, "ann", null, default));
        await packaging.Releases.ApproveAsync(release.Digest, "bob", "read the report", default);
        packaging.Registry.Time.Advance(TimeSpan.FromMinutes(1));
        var approved = await packaging.Releases.ApproveAsync(release.Digest, "bob", "again", default);

        var approval = Assert.Single(approved.Evidence);
        Assert.Equal(("approval", "APPROVED", "bob", "Approved by bob: read the report"), (approval.Type, approval.Verdict, approval.By, approval.Summary));
        Assert.Single(await packaging.Registry.AuditAsync("releases/"), e => e.Action == "release.approval");
    }

    [Fact]
    public async Task Without_a_login_approving_oneself_is_recorded_as_that()
    {
        await using var packaging = await PackagingFixture.CreateAsync(login: false);
        var release = await packaging.CreateReleaseAsync("local");

        var approved = await packaging.Releases.ApproveAsync(release.Digest, "local", null, default);

        Assert.StartsWith("Self-approved by local", Assert.Single(approved.Evidence).Summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_release_is_found_by_the_first_digits_of_its_digest()
    {
        await using var packaging = await PackagingFixture.CreateAsync();
        var release = await packaging.CreateReleaseAsync();

        Assert.Equal(release.Digest, (await packaging.Releases.GetAsync(release.Digest[7..15], default)).Digest);
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "does not name a release", () => packaging.Releases.GetAsync(release.Digest[7..14], default));
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "does not name a release", () => packaging.Releases.GetAsync("sha256:%%%%%%%%", default));
        await ModelRegistryTests.AssertFails(ErrorCode.NotFound, release.Digest[7..19], () => packaging.Releases.GetAsync("0000000000", default));
    }

    [Fact]
    public async Task A_damaged_blob_does_not_travel()
    {
        await using var packaging = await PackagingFixture.CreateAsync();
        var release = await packaging.CreateReleaseAsync();
        var victim = (await ManifestAsync(packaging, release.Digest)).Layers[1].Digest.Hex;
        var path = Path.Combine(packaging.Registry.BlobsPath, "sha256", victim[..2], victim[2..4], victim);
        var content = await File.ReadAllBytesAsync(path);
        content[^1] ^= 1;
        await File.WriteAllBytesAsync(path, content);

        var error = await Assert.ThrowsAsync<IOException>(async () => await packaging.Contents.WriteLayoutAsync(await packaging.Releases.FindAsync(release.Digest, default), new MemoryStream(), default));

        Assert.Contains(victim, error.Message, StringComparison.Ordinal);
    }

    private static async Task<OciManifest> ManifestAsync(PackagingFixture packaging, string digest) => OciJson.ParseManifest(await packaging.Registry.Blobs.ReadAsync(digest, OciJson.MaxBytes, default));
}
