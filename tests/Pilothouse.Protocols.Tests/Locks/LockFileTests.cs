using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Protocols.Tests.Locks;

public sealed class LockFileTests
{
    private static readonly Digest A = Digest.Of("a"u8);
    private static readonly Digest B = Digest.Of("b"u8);

    [Fact]
    public void Text_is_sorted_and_reads_back()
    {
        var file = LockSamples.Full();

        var text = file.ToText();
        var read = LockFileReader.Parse(text);

        Assert.Empty(read.Faults);
        Assert.Equal(text, read.File!.ToText());
        Assert.Equal(file.Digest, read.File.Digest);
        Assert.Equal(["data heldout", "data tickets", "file data/big.bin", "folder data/images", "model assistant", "model remote", "prompt prompts/support.yaml", "prompt prompts:/terse@production", "suite quality", "tool search"], read.File.Entries.Select(e => e.Title));
        Assert.Equal(["data big", "data small"], LockFile.Create([Data("small", A), Data("big", B)]).Entries.Select(e => e.Title));
    }

    [Fact]
    public void Carriage_returns_of_a_checkout_on_Windows_change_nothing() =>
        Assert.Equal(LockSamples.Full().ToText(), LockFileReader.Parse(LockSamples.Full().ToText().Replace("\n", "\r\n", StringComparison.Ordinal)).File!.ToText());

    [Theory]
    [InlineData("", LockFaults.UnknownFormat, 1)]
    [InlineData("lock: 2\n", LockFaults.UnknownFormat, 1)]
    [InlineData("lock: 1\nmodle x\n", LockFaults.UnknownLine, 2)]
    [InlineData("lock: 1\n  digest: x\n", LockFaults.UnknownLine, 2)]
    [InlineData("lock: 1\nfile a\n  digest: x\n  size: 1\n", LockFaults.BadValue, 3)]
    [InlineData("lock: 1\nfile a\n  size: 01\n", LockFaults.BadValue, 3)]
    [InlineData("lock: 1\nfile a\n  size: 1\n  size: 1\n", LockFaults.Duplicate, 4)]
    [InlineData("lock: 1\nfile a\n  sise: 1\n", LockFaults.UnknownField, 3)]
    [InlineData("lock: 1\nfile a\n  size: 1\n", LockFaults.MissingField, 2)]
    [InlineData("lock: 1\nfile ../a\n", LockFaults.BadPath, 2)]
    [InlineData("lock: 1\nfile a/.GIT/config\n", LockFaults.BadPath, 2)]
    [InlineData("lock: 1\nfile C:/a\n", LockFaults.BadPath, 2)]
    [InlineData("lock: 1\n<<<<<<< HEAD\nfile a\n=======\nfile b\n>>>>>>> x\n", LockFaults.MergeConflict, 2)]
    public void A_fault_has_its_name_and_line(string text, string code, int line)
    {
        var result = LockFileReader.Parse(text);

        Assert.Null(result.File);
        Assert.Contains(result.Faults, f => f.Code == code && f.Line == line);
        Assert.All(result.Faults, f => Assert.NotEmpty(f.Remedy));
    }

    [Fact]
    public void Paths_that_are_one_file_elsewhere_are_refused()
    {
        Assert.Contains("'Data/x' and 'data/X'", LockRules.Collision(["Data/x", "data/X"]), StringComparison.Ordinal);
        Assert.Contains("one folder", LockRules.Collision(["Data/x", "data/y"]), StringComparison.Ordinal);
        Assert.Contains("a folder", LockRules.Collision(["data", "data/y"]), StringComparison.Ordinal);
        Assert.Contains("a folder", LockRules.Collision(["data/y", "data"]), StringComparison.Ordinal);
        Assert.Null(LockRules.Collision(["data/a", "data/b", "data/c/d", "e"]));
        var fault = Assert.Single(LockFileReader.Parse(Blocks(Track("Data", A), Track("data/x", B))).Faults);
        Assert.Equal(LockFaults.PathCollision, fault.Code);
    }

    [Fact]
    public void A_model_whose_files_are_not_its_digest_is_refused()
    {
        var text = LockSamples.Full().ToText();
        var other = text.Replace(LockSamples.Config.ToString(), B.ToString(), StringComparison.Ordinal);

        Assert.Equal(LockFaults.DigestMismatch, Assert.Single(LockFileReader.Parse(other).Faults).Code);
    }

    [Fact]
    public void The_tracker_of_a_path_is_the_file_or_the_folder_around_it()
    {
        var file = LockSamples.Full();

        Assert.Equal("data/images", file.TrackerOf("data/images/a/b.png")?.Name);
        Assert.Equal("data/big.bin", file.TrackerOf("data/big.bin")?.Name);
        Assert.Null(file.TrackerOf("data/imagesX/a"));
    }

    [Fact]
    public void A_difference_is_told_in_words()
    {
        var before = LockSamples.Full();
        var after = before.With(new LockEntry(LockKind.Data, "tickets") { Reference = "datasets:/tickets/4", Checkout = "data/tickets.jsonl", Digest = B, Size = 2_500_000 }).Without(before.Find(LockKind.Tool, "search")!);

        var changes = LockDiff.Between(before, after);

        Assert.Equal(["changed tickets", "removed search"], changes.Select(c => $"{c.Change} {c.Name}"));
        Assert.Contains("datasets:/tickets/3 became datasets:/tickets/4; 10 bytes became 2.5 MB", changes[0].Words, StringComparison.Ordinal);
        Assert.Empty(LockDiff.Between(before, before));
    }

    private static string Blocks(params LockEntry[] entries) => LockWriter.Write(entries);

    private static LockEntry Track(string path, Digest digest) => new(LockKind.File, path) { Digest = digest, Size = 1 };

    private static LockEntry Data(string name, Digest digest) => new(LockKind.Data, name) { Path = $"data/{name}.jsonl", Digest = digest, Size = 1 };
}
