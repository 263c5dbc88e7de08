using Pilothouse.Datasets.Profiles;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Datasets.Tests.Profiles;

public class DatasetProfilerTests
{
    private static DatasetProfile Profile(params DataFile[] files) => DatasetProfiler.Profile(files, TestData.Temporary, default).Profile;

    private static DatasetColumn Column(DatasetProfile profile, string name) => profile.Columns.Single(c => c.Name == name);

    [Fact]
    public void Columns_have_types_nulls_and_numbers()
    {
        var profile = Profile(TestData.File("train.jsonl", """
            {"id":1,"text":"one","score":0.5,"tags":["a","b"],"messages":[{"role":"user","content":"Hi"}],"mixed":1}
            {"id":2,"text":"three","score":2,"tags":[],"messages":[{"role":"user","content":"Yes","name":"x"}],"mixed":"x"}
            {"id":3,"text":null,"score":-1,"mixed":true}
            """));

        Assert.Equal(3, profile.Rows);
        Assert.Equal(["id", "text", "score", "tags", "messages", "mixed"], profile.Columns.Select(c => c.Name));
        Assert.Equal(["integer", "string", "number", "[string]", "[{role: string, content: string, name: string}]", "boolean|integer|string"], profile.Columns.Select(c => c.Type));
        Assert.Equal((2L, 1L, true), (Column(profile, "text").Count, Column(profile, "text").Nulls, Column(profile, "text").Nullable));
        var score = Column(profile, "score").Numbers!;
        Assert.Equal((-1.0, 2.0, 0.5), (score.Min, score.Max, score.Mean));
        Assert.Equal(1.5, score.Deviation, 12);
        Assert.Equal(3, score.Histogram.Sum());
        Assert.Equal((3.0, 5.0), (Column(profile, "text").Lengths!.Min, Column(profile, "text").Lengths!.Max));
    }

    [Fact]
    public void Texts_of_csv_are_typed_by_what_they_look_like()
    {
        var profile = Profile(TestData.File("a.csv", "n,x,flag,word\n1,1.5,true,7a\n2,,false,\n"));
        Assert.Equal(["integer", "number", "boolean", "string"], profile.Columns.Select(c => c.Type));
        Assert.Equal(1, Column(profile, "x").Nulls);
        Assert.Equal(1.5, Column(profile, "n").Numbers!.Mean);
        Assert.Null(Column(profile, "word").Numbers);
    }

    [Fact]
    public void Duplicates_and_leaks_between_splits_are_counted_however_a_row_is_written()
    {
        var profile = Profile(TestData.File("train.jsonl", "{\"a\":1,\"b\":\"x\"}\n{\"b\":\"x\",\"a\":1.0}\n{\"a\":2,\"b\":\"y\"}\n"), TestData.File("test/part.jsonl", "{ \"a\" : 2, \"b\": \"\\u0079\", \"c\": null }\n{\"a\":3}\n"));
        Assert.Equal(2, profile.Duplicates);
        Assert.Equal([new SplitLeak("train", "test", 1)], profile.Leaks);
    }

    [Fact]
    public void Quantiles_and_distinct_values_of_many_rows_are_near_the_truth()
    {
        var profile = Profile(TestData.File("a.jsonl", string.Concat(Enumerable.Range(0, 30_000).Select(i => $"{{\"n\":{(i * 7919 % 30_000) - 10_000},\"city\":\"{(i % 3 == 0 ? "Rome" : $"c{i}")}\"}}\n"))));
        var n = Column(profile, "n");
        Assert.InRange(n.Distinct, 29_400, 30_600);
        Assert.True(n.DistinctIsEstimate);
        Assert.InRange(n.Numbers!.P50, 4_900, 5_100);
        Assert.InRange(n.Numbers.P5, -8_700, -8_300);
        Assert.Equal((-10_000, 19_999), (n.Numbers.Min, n.Numbers.Max));
        var city = Column(profile, "city");
        Assert.Equal("Rome", city.Top[0].Value);
        Assert.InRange(city.Top[0].Count, 9_900, 10_000);
    }

    [Fact]
    public void Many_rows_are_counted_through_files_as_through_memory()
    {
        using var small = new Spill(TestData.Temporary);
        using var large = new Spill(TestData.Temporary, maxMemory: 2_000);
        for (var i = 0; i < 500; i++)
        {
            small.Add(new UInt128((ulong)i << 56, (ulong)i), [(byte)i]);
            large.Add(new UInt128((ulong)i << 56, (ulong)i), [(byte)i]);
        }
        Assert.True(large.IsSpilled && !small.IsSpilled);
        int[] Sorted(Spill spill) => [.. Enumerable.Range(0, Spill.Parts).SelectMany(p => { var bytes = spill.Part(p); return Spill.Records(bytes).Select(r => (int)bytes[r.Start + 16]); }).Order()];
        Assert.Equal(Sorted(small), Sorted(large));
        Assert.Equal(500, Sorted(large).Length);
        Spill.Align(small, large);
        for (var part = 0; part < Spill.Parts; part++) Assert.Equal(small.Part(part), large.Part(part));
    }

    [Fact]
    public void Too_many_fields_are_refused() =>
        Assert.Contains("different fields", Assert.Throws<ProtocolFormatException>(() => Profile(TestData.File("a.jsonl", string.Concat(Enumerable.Range(0, 2001).Select(i => $"{{\"f{i}\":1}}\n"))))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("train-00000-of-00002.parquet", "train")]
    [InlineData("data/validation-00001-of-00002.parquet", "validation")]
    [InlineData("data/heldout_v2-00000-of-00001.jsonl", "heldout_v2")]
    [InlineData("test/part-1.jsonl", "test")]
    [InlineData("dev.csv", "validation")]
    [InlineData("my_train_file.jsonl", "train")]
    [InlineData("trainings.jsonl", null)]
    [InlineData("data.jsonl", null)]
    public void A_path_says_its_split(string path, string? split) => Assert.Equal(split, DataFiles.SplitOf(path));
}
