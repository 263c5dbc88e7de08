using CsCheck;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Protocols.Tests.Locks;

public sealed class LockPropertyTests
{
    private static readonly string[] Names = ["a", "b", "data/x", "data/y z", "deep/er/ü", "A.bin"];

    private static readonly Gen<LockEntry> Entry = Gen.Select(Gen.Int[0, 5], Gen.Int[0, Names.Length - 1], Gen.Byte, Gen.Long[0, long.MaxValue / 1000]).Select((kind, name, content, size) => kind switch
    {
        0 => new LockEntry(LockKind.File, "f/" + Names[name]) { Digest = Digest.Of([content]), Size = size },
        1 => new LockEntry(LockKind.Folder, "d/" + Names[name]) { Digest = Digest.Of([content]), Size = size, FileCount = content },
        2 => new LockEntry(LockKind.Suite, $"s{name}") { Digest = Digest.Of([content]) },
        3 => new LockEntry(LockKind.Data, $"d{name}") { Reference = $"datasets:/d/{content + 1}", Digest = Digest.Of([content]), Size = size },
        4 => new LockEntry(LockKind.Model, $"m{name}") { Reference = $"http://host/v1#{content}" },
        _ => Model($"m{name}", content),
    });

    // One entry a name; paths that would collide never meet (f/a and f/A.bin differ).
    private static readonly Gen<LockFile> File = Entry.Array[0, 12].Select(entries => LockFile.Create(entries.DistinctBy(e => (e.Kind, e.Name))));

    [Fact]
    public void What_is_written_reads_back_the_same() => File.Sample(file =>
    {
        var read = LockFileReader.Parse(file.ToText());
        Assert.Empty(read.Faults);
        Assert.Equal(file.ToText(), read.File!.ToText());
        Assert.Empty(LockDiff.Between(file, read.File));
    });

    [Fact]
    public void The_order_of_entries_does_not_change_the_text() => File.Sample(file =>
        Assert.Equal(file.ToText(), LockFile.Create(file.Entries.Reverse()).ToText()));

    [Fact]
    public void Mutated_text_gives_a_lock_or_faults() => Mutations.OnlyNamedErrors(LockSamples.Full().ToText(), text =>
    {
        var result = LockFileReader.Parse(text);
        Assert.True(result is { File: not null, Faults.Count: 0 } or { File: null, Faults.Count: > 0 });
        if (result.File is { } file) Assert.Equal(file.ToText(), LockFileReader.Parse(file.ToText()).File!.ToText());
    });

    [Fact]
    public void Soup_gives_a_lock_or_faults() => Gen.Char["lock: 1\n filed moesutp/.<>=|#\r\t\0é"].Array[0, 80].Select(c => "lock: 1\n" + new string(c))
        .Sample(text => Assert.True(LockFileReader.Parse(text) is { File: not null, Faults.Count: 0 } or { File: null, Faults.Count: > 0 }), iter: 20_000);

    [Fact]
    public void Changes_of_one_side_are_taken_whole() => Gen.Select(File, File).Sample((ancestor, theirs) =>
    {
        var merged = LockMerge.Merge(ancestor, ancestor, theirs);
        Assert.Empty(merged.Conflicts);
        Assert.Equal(theirs.ToText(), merged.Text);
        Assert.Equal(theirs.ToText(), LockMerge.Merge(ancestor, theirs, ancestor).Text);
        Assert.Equal(theirs.ToText(), LockMerge.Merge(ancestor, theirs, theirs).Text);
    });

    [Fact]
    public void A_merge_is_a_lock_exactly_when_nothing_conflicts_and_sides_can_be_swapped() => Gen.Select(File, File, File).Sample((ancestor, ours, theirs) =>
    {
        var merged = LockMerge.Merge(ancestor, ours, theirs);
        var swapped = LockMerge.Merge(ancestor, theirs, ours);
        Assert.Equal(merged.Conflicts, swapped.Conflicts);
        var read = LockFileReader.Parse(merged.Text);
        if (merged.Conflicts.Count == 0)
        {
            Assert.Equal(merged.Text, swapped.Text);
            Assert.True(read.File is not null || read.Faults.All(f => f.Code == LockFaults.PathCollision));
        }
        else
        {
            Assert.Contains(read.Faults, f => f.Code == LockFaults.MergeConflict);
        }
    });

    private static LockEntry Model(string name, byte content)
    {
        var files = ContentManifest.Create([new ContentFile("config.json", content, Digest.Of([content])), new ContentFile("weights/m.bin", 7, Digest.Of("w"u8))]);
        return new LockEntry(LockKind.Model, name) { Reference = $"models:/{name}/{content + 1}", Digest = files.Digest, Size = files.TotalSize, Files = files.Files, Follows = content > 100 ? "@champion" : null };
    }
}
