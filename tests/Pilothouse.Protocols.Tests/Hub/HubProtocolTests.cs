using System.Text;
using CsCheck;
using Pilothouse.Protocols.Hub;

namespace Pilothouse.Protocols.Tests.Hub;

public class HubProtocolTests
{
    private const string Header = """{"key":"header","value":{"summary":"Upload","description":"more","parentCommit":"0123456789"}}""";

    private static Task<HubCommit> ReadAsync(params string[] lines) => ReadAsync(Encoding.UTF8.GetBytes(string.Join('\n', lines)));

    private static Task<HubCommit> ReadAsync(byte[] body) => HubCommit.ReadAsync(new MemoryStream(body), (file, _) => Task.FromResult<HubOperation>(file), default);

    /// <summary>As huggingface_hub writes it: _prepare_commit_payload of its _commit_api.py.</summary>
    [Fact]
    public async Task A_commit_is_read_line_by_line()
    {
        var commit = await ReadAsync(Header,
            """{"key": "file", "value": {"content": "IyBIaQo=", "path": "README.md", "encoding": "base64"}}""",
            """{"key": "lfsFile", "value": {"path": "model.safetensors", "algo": "sha256", "oid": "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393", "size": 12345}}""",
            """{"key": "deletedFile", "value": {"path": "old.bin"}}""",
            """{"key": "deletedFolder", "value": {"path": "logs/"}}""");
        Assert.Equal(("Upload", "more", "0123456789"), (commit.Summary, commit.Description, commit.ParentCommit));
        Assert.Equal("# Hi\n", Encoding.UTF8.GetString(((HubFile)commit.Operations[0]).Content));
        Assert.Equal(new HubLfsFile("model.safetensors", "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393", 12345), commit.Operations[1]);
        Assert.Equal([new HubDeletedFile("old.bin"), new HubDeletedFolder("logs")], commit.Operations.Skip(2));
    }

    [Theory]
    [InlineData("""{"key":"file","value":{"path":"../x","encoding":"base64","content":"aa=="}}""", "Line 2 of the commit has no path inside")]
    [InlineData("""{"key":"file","value":{"path":"/etc/passwd","encoding":"base64","content":""}}""", "Line 2 of the commit has no path inside")]
    [InlineData("""{"key":"file","value":{"path":"a","encoding":"base64","content":"%%%"}}""", "Line 2 of the commit has a content that is not base64")]
    [InlineData("""{"key":"lfsFile","value":{"path":"a","algo":"sha256","oid":"XYZ","size":1}}""", "Line 2 of the commit has no SHA-256")]
    [InlineData("""{"key":"lfsFile","value":{"path":"a","algo":"md5","oid":"4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"}}""", "Line 2 of the commit has no SHA-256")]
    [InlineData("""{"key":"symlink","value":{"path":"a"}}""", "Line 2 of the commit has the key 'symlink'")]
    [InlineData("[1]", "Line 2 of the commit is not an object")]
    [InlineData("{", "Line 2 of the commit is not JSON")]
    [InlineData(Header, "Line 2 of the commit is a second header")]
    public async Task A_bad_line_is_named(string line, string says) => Assert.StartsWith(says, (await Assert.ThrowsAsync<ProtocolFormatException>(() => ReadAsync(Header, line))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_line_without_an_end_is_refused_before_it_fills_the_memory()
    {
        var body = new byte[HubCommit.MaxLine * 2 + 10];
        Array.Fill(body, (byte)'a');
        Assert.Contains("is longer than", (await Assert.ThrowsAsync<ProtocolFormatException>(() => ReadAsync(body))).Message, StringComparison.Ordinal);
        Assert.Contains("'header'", (await Assert.ThrowsAsync<ProtocolFormatException>(() => ReadAsync("{\"key\":\"deletedFile\",\"value\":{\"path\":\"a\"}}"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_commit_is_read_or_refused_by_name()
    {
        var whole = Encoding.UTF8.GetBytes(Header + "\n{\"key\":\"file\",\"value\":{\"path\":\"a/b.txt\",\"encoding\":\"base64\",\"content\":\"aGVsbG8=\"}}\n{\"key\":\"deletedFolder\",\"value\":{\"path\":\"x\"}}\n");
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte.Array[0, 6]).Sample((at, bytes) =>
        {
            var changed = (byte[])whole.Clone();
            bytes.AsSpan(0, Math.Min(bytes.Length, changed.Length - at)).CopyTo(changed.AsSpan(at));
            try
            {
                ReadAsync(changed).GetAwaiter().GetResult();
            }
            catch (ProtocolFormatException)
            {
                // the promised fault
            }
        }, iter: 3_000);
    }

    [Theory]
    [InlineData("api/models/team/tiny", "model|team/tiny|||")]
    [InlineData("api/models/tiny", "model|tiny|||")]
    [InlineData("api/models/tiny/revision/refs%2Fpr%2F1", "model|tiny|revision|refs/pr/1|")]
    [InlineData("api/datasets/team/faq/tree/main/data/x", "dataset|team/faq|tree|main|data/x")]
    [InlineData("api/models/team/tree/tree/main", "model|team|tree|tree|main")] // two readings: a word of the protocol is one wherever it can be
    [InlineData("team/tiny/resolve/main/onnx/model.onnx", "model|team/tiny|resolve|main|onnx/model.onnx")]
    [InlineData("tiny/resolve/v2/config.json", "model|tiny|resolve|v2|config.json")]
    [InlineData("datasets/faq/resolve/main/train.jsonl", "dataset|faq|resolve|main|train.jsonl")]
    [InlineData("team/tiny.git/info/lfs/objects/batch", "model|team/tiny|lfs-batch||")]
    [InlineData("datasets/team/faq.git/info/lfs/objects/batch", "dataset|team/faq|lfs-batch||")]
    [InlineData("api/spaces/a/b", null)]
    [InlineData("a/b/c", null)]
    [InlineData("", null)]
    public void Paths_are_taken_apart(string path, string? expected)
    {
        var a = HubAddress.Parse(path);
        Assert.Equal(expected, a is null ? null : $"{a.Type}|{a.Id}|{a.Action}|{a.Revision}|{a.Path}");
    }

    [Theory]
    [InlineData("team/tiny-1.5_B", true)]
    [InlineData("a--b", false)]
    [InlineData("a/b/c", false)]
    [InlineData("../x", false)]
    [InlineData("a/.hidden", false)]
    [InlineData("", false)]
    public void Ids_follow_the_hubs_rule(string id, bool valid) => Assert.Equal(valid, HubAddress.IsValidId(id));

    [Fact]
    public void Any_path_is_an_address_or_none() => Gen.String[Gen.Char["/abtreslov%.2F"], 0, 60].Sample(path => { HubAddress.Parse(path); });

    [Fact]
    public void Git_names_files_as_git_does()
    {
        Assert.Equal("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", GitBlobId.Of([]));
        Assert.Equal("ce013625030ba8dba906f756967f9e9ca394464a", GitBlobId.Of("hello\n"u8));
    }

    [Fact]
    public void A_card_gives_its_facts_and_tags()
    {
        var card = ModelCard.Parse("---\nlicense: mit\nlanguage:\n- en\n- de\npipeline_tag: text-generation\nlibrary_name: transformers\ntags: [chat]\nbase_model: team/base\ndatasets:\n- team/faq\n---\n# Tiny\n");
        Assert.Equal(("text-generation", "transformers"), (card.PipelineTag, card.LibraryName));
        Assert.Equal(["transformers", "chat", "text-generation", "en", "de", "base_model:team/base", "dataset:team/faq", "license:mit"], card.Tags);
        Assert.Null(ModelCard.Parse("# No front matter\n---\na: 1\n---\n").Data);
        Assert.NotNull(ModelCard.Parse("---\na: [1\n---\n").Fault);
    }

    [Fact]
    public void Any_readme_is_a_card_or_none() => Gen.String[Gen.Char["-\n:[]{}&*!|>'\" ab#,"], 0, 80].Sample(text =>
    {
        var card = ModelCard.Parse("---\n" + text + "\n---\n");
        Assert.True(card.Tags.Count >= 0);
    }, iter: 2_000);
}
