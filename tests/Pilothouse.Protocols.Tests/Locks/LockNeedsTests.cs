using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.Locks;

public sealed class LockNeedsTests
{
    private const string Yaml = """
        apiVersion: pilothouse/v1
        project: shop
        models:
          assistant: { kind: generative, engine: onnx, version: 2, prompt: prompts/p.yaml }
          triage: { kind: classifier, engine: onnx, alias: champion }
          remote: { kind: generative, engine: openai, url: "http://host/v1", model: llama }
        data:
          heldout: { path: data/heldout.jsonl }
          tickets: { dataset: tickets, version: 3 }
        suites:
          quality: { model: assistant, data: heldout, scorers: [{ name: exact, type: exact }], gates: [{ scorer: exact, type: floor, min: 0.8 }] }
        tools:
          search: { path: tools/search.json }
        """;

    private static readonly Dictionary<string, TreeContent> Tree = new()
    {
        ["prompts/p.yaml"] = new(Digest.Of("p"u8), 1),
        ["data/heldout.jsonl"] = new(Digest.Of("h"u8), 2),
        ["tools/search.json"] = new(Digest.Of("t"u8), 3),
    };

    [Fact]
    public void A_lock_made_of_the_project_fits() => Assert.Empty(LockNeeds.Check(Project(Yaml), Fresh(), Tree));

    [Theory]
    [InlineData("version: 2", "version: 4", "model assistant is version 4 in pilothouse.yaml, version 2 in the lock")]
    [InlineData("alias: champion", "alias: challenger", "model triage follows @challenger in pilothouse.yaml, @champion in the lock")]
    [InlineData("alias: champion", "version: 6", "model triage is version 6 in pilothouse.yaml, version 5 in the lock")]
    [InlineData("model: llama", "model: qwen", "model remote is http://host/v1#qwen in pilothouse.yaml, http://host/v1#llama in the lock")]
    [InlineData("version: 3", "version: 4", "data tickets is datasets:/tickets/4 in pilothouse.yaml, datasets:/tickets/3 in the lock")]
    [InlineData("min: 0.8", "min: 0.7", "suite quality was changed in pilothouse.yaml since the lock was written")]
    [InlineData("  search: { path: tools/search.json }", "  find: { path: tools/search.json }", "tool find is not in the lock")]
    [InlineData("version: 2,", "version: 2, checkout: models/a,", "model assistant is checked out to models/a in pilothouse.yaml, to nowhere in the lock")]
    public void A_change_of_the_project_makes_it_stale(string was, string becomes, string message) =>
        Assert.Contains(message, LockNeeds.Check(Project(Yaml.Replace(was, becomes, StringComparison.Ordinal)), Fresh(), Tree).Select(s => s.ToString()));

    [Fact]
    public void A_change_of_a_file_makes_it_stale()
    {
        var changed = new Dictionary<string, TreeContent>(Tree) { ["data/heldout.jsonl"] = new(Digest.Of("x"u8), 2) };

        Assert.StartsWith("data heldout has changed since the lock was written", Assert.Single(LockNeeds.Check(Project(Yaml), Fresh(), changed)).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_that_nothing_declares_makes_it_stale_but_tracked_files_declare_themselves()
    {
        var more = Fresh().With(new LockEntry(LockKind.Suite, "old") { Digest = Digest.Of("o"u8) }).With(new LockEntry(LockKind.File, "big.bin") { Digest = Digest.Of("b"u8), Size = 1 });

        Assert.Equal("suite old is in the lock, but no longer in pilothouse.yaml", Assert.Single(LockNeeds.Check(Project(Yaml), more, Tree)).ToString());
    }

    [Fact]
    public void Data_that_Git_does_not_hold_is_vouched_for_by_the_tracked_file()
    {
        var tree = Tree.Where(t => t.Key != "data/heldout.jsonl").ToDictionary();
        var tracked = Fresh().With(new LockEntry(LockKind.File, "data/heldout.jsonl") { Digest = Digest.Of("h"u8), Size = 2 });

        Assert.Equal("data/heldout.jsonl is not there, and no file or folder of the lock holds it", Assert.Single(LockNeeds.Check(Project(Yaml), Fresh(), tree)).ToString());
        Assert.Empty(LockNeeds.Check(Project(Yaml), tracked, tree));
        Assert.Contains("but the tracked file", Assert.Single(LockNeeds.Check(Project(Yaml), tracked.With(new LockEntry(LockKind.File, "data/heldout.jsonl") { Digest = Digest.Of("n"u8), Size = 2 }), tree)).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_follows_an_alias_gets_the_version_of_the_lock()
    {
        var (pinned, unpinned) = LockNeeds.Pin(Project(Yaml), Fresh());

        Assert.Equal(5, pinned.Models["triage"].Version);
        Assert.Equal(2, pinned.Models["assistant"].Version);
        Assert.Empty(unpinned);
        Assert.Equal(["triage"], LockNeeds.Pin(Project(Yaml), null).Unpinned);
    }

    [Fact]
    public void A_registered_prompt_is_pinned_with_its_digest_whether_it_follows_an_alias_or_not()
    {
        var project = Project(Yaml.Replace("prompts/p.yaml", "prompts:/support@production", StringComparison.Ordinal));
        var fixedOne = Project(Yaml.Replace("prompts/p.yaml", "prompts:/support/3", StringComparison.Ordinal));
        var rest = Fresh().Without(Fresh().Find(LockKind.Prompt, "prompts/p.yaml")!);
        var pinned = rest.With(Registered("prompts:/support@production", "prompts:/support/7"));

        Assert.Equal("prompt prompts:/support@production is not in the lock", Assert.Single(LockNeeds.Check(project, rest, Tree)).ToString());
        Assert.Equal("prompt prompts:/support/3 is not in the lock", Assert.Single(LockNeeds.Check(fixedOne, rest, Tree)).ToString());
        Assert.Empty(LockNeeds.Check(project, pinned, Tree));
        Assert.Equal("prompt prompts:/support@production is in the lock, but no longer in pilothouse.yaml", Assert.Single(LockNeeds.Check(fixedOne, pinned.With(Registered("prompts:/support/3", "prompts:/support/3")), Tree)).ToString());
        var (read, unpinned) = LockNeeds.Pin(project, pinned);
        Assert.Empty(unpinned);
        Assert.Equal(("prompts:/support/7", Digest.Of("r"u8).ToString()), (read.Models["assistant"].RegisteredPrompt, read.Models["assistant"].PromptDigest));
        Assert.Equal(["assistant", "triage"], LockNeeds.Pin(project, null).Unpinned);
        Assert.Equal("prompts:/support/3", LockNeeds.Pin(fixedOne, rest).Project.Models["assistant"].RegisteredPrompt);
    }

    [Theory]
    [InlineData("prompts:/support/3", "prompts:/support/4")]
    [InlineData("prompts:/support@production", "prompts:/other/4")]
    [InlineData("prompts:/support@production", "prompts:/support@production")]
    [InlineData("prompts/p.yaml", "prompts:/support/4")]
    [InlineData("prompts:/support/latest", "prompts:/support/4")]
    public void A_registered_prompt_is_not_pinned_to_another(string name, string reference)
    {
        var error = Assert.Throws<ProtocolFormatException>(() => LockFile.Create([Registered(name, reference)]));

        Assert.Contains("is no version of it", error.Message, StringComparison.Ordinal);
    }

    private static LockEntry Registered(string name, string reference) => new(LockKind.Prompt, name) { Reference = reference, Digest = Digest.Of("r"u8) };

    [Theory]
    [InlineData("0", 1.0, 1.0, true)]
    [InlineData("0", 1.0, 1.0000000000000002, false)]
    [InlineData("0.1", 1.0, 1.05, true)]
    [InlineData("0.1", 1.0, 1.2, false)]
    [InlineData("1%", 100.0, 101.0, true)]
    [InlineData("1%", 100.0, 102.0, false)]
    [InlineData("1%", double.NaN, double.NaN, true)]
    [InlineData("1%", double.NaN, 1.0, false)]
    [InlineData("1%", double.PositiveInfinity, 1.0, false)]
    public void A_tolerance_allows_what_it_says(string text, double recorded, double repeated, bool allowed)
    {
        Assert.True(Tolerance.TryParse(text, out var tolerance));
        Assert.Equal(allowed, tolerance.Allows(recorded, repeated));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("NaN")]
    [InlineData("1e999")]
    [InlineData("%")]
    [InlineData("one")]
    public void What_is_no_tolerance_is_refused(string text) => Assert.False(Tolerance.TryParse(text, out _));

    private static ProjectFile Project(string yaml)
    {
        var result = ProjectFileReader.Parse(yaml);
        Assert.Empty(result.Faults);
        return result.File!;
    }

    private static LockFile Fresh()
    {
        var model = ContentManifest.Create([new ContentFile("m.onnx", 1, Digest.Of("m"u8))]);
        return LockFile.Create(
        [
            .. LockNeeds.Local(Project(Yaml), Tree),
            new LockEntry(LockKind.Model, "assistant") { Reference = "models:/assistant/2", Digest = model.Digest, Size = 1, Files = model.Files },
            new LockEntry(LockKind.Model, "triage") { Reference = "models:/triage/5", Follows = "@champion", Digest = model.Digest, Size = 1, Files = model.Files },
            new LockEntry(LockKind.Model, "remote") { Reference = "http://host/v1#llama" },
            new LockEntry(LockKind.Data, "tickets") { Reference = "datasets:/tickets/3", Digest = Digest.Of("d"u8), Size = 9 },
        ]);
    }
}
