using CsCheck;
using Parquet;
using Parquet.Serialization;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Tests.Parquet;

/// <summary>Files written by Parquet.Net.</summary>
public class ParquetRowsTests
{
    internal sealed class Message
    {
        public string? Role { get; set; }
        public string? Content { get; set; }
    }

    internal sealed class Row
    {
        public int Id { get; set; }
        public long Big { get; set; }
        public double? Score { get; set; }
        public float Small { get; set; }
        public bool Flag { get; set; }
        public string? Text { get; set; }
        public DateTime When { get; set; }
        public decimal Price { get; set; }
        public byte[]? Bytes { get; set; }
        public List<int>? Numbers { get; set; }
        public List<Message>? Messages { get; set; }
        public Message? Author { get; set; }
    }

    private static Row Make(int i) => new()
    {
        Id = i,
        Big = i * 10_000_000_000L,
        Score = i % 3 == 0 ? null : i / 4.0,
        Small = i * 0.1f,
        Flag = i % 2 == 0,
        Text = i % 5 == 0 ? null : $"text \"{i % 7}\" é",
        When = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(i),
        Price = i / 100m,
        Bytes = [(byte)i, 2],
        Numbers = i % 4 == 0 ? null : [.. Enumerable.Range(0, i % 4 - 1)],
        Messages = i % 6 == 0 ? null : [.. Enumerable.Range(0, i % 6).Select(k => new Message { Role = k % 2 == 0 ? "user" : null, Content = $"{i}.{k}" })],
        Author = i % 2 == 0 ? null : new Message { Role = "r" },
    };

    private static async Task<byte[]> WriteAsync(IReadOnlyList<Row> rows, CompressionMethod method, int group = 1_000_000)
    {
        using var file = new MemoryStream();
        await ParquetSerializer.SerializeAsync(rows, file, new ParquetOptions { CompressionMethod = method, RowGroupSize = group });
        return file.ToArray();
    }

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Gzip)]
    [InlineData(CompressionMethod.Brotli)]
    [InlineData(CompressionMethod.Zstd)]
    [InlineData(CompressionMethod.Lz4Raw)]
    public async Task Nested_rows_of_every_codec_are_read_as_they_were_written(CompressionMethod method)
    {
        var rows = Enumerable.Range(0, 2_500).Select(Make).ToList();
        var read = RowReader.Read(await WriteAsync(rows, method, 1_000), "rows.parquet", RowFormat.Parquet);

        Assert.Equal(rows.Count, read.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            var (wrote, row) = (rows[i], read[i]);
            Assert.Equal(i + 1, row.Line);
            Assert.Equal($"{wrote.Id}", row.Text("Id"));
            Assert.Equal($"{wrote.Big}", row.Text("Big"));
            Assert.Equal(wrote.Score?.ToString(System.Globalization.CultureInfo.InvariantCulture), row.Text("Score"));
            Assert.Equal(wrote.Small, row.Fields.Single(f => f.Key == "Small").Value.GetSingle());
            Assert.Equal(wrote.Flag ? "true" : "false", row.Text("Flag"));
            Assert.Equal(wrote.Text, row.Text("Text"));
            Assert.StartsWith(wrote.When.ToString("yyyy-MM-ddTHH:mm:ss", System.Globalization.CultureInfo.InvariantCulture), row.Text("When"), StringComparison.Ordinal);
            Assert.Equal(wrote.Price, decimal.Parse(row.Text("Price")!, System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(Convert.ToBase64String(wrote.Bytes!), row.Text("Bytes"));
            Assert.Equal(wrote.Numbers is null ? null : $"[{string.Join(',', wrote.Numbers)}]", row.Text("Numbers"));
            Assert.Equal(wrote.Messages is null ? null : $"[{string.Join(',', wrote.Messages.Select(m => $"{{\"Role\":{(m.Role is null ? "null" : $"\"{m.Role}\"")},\"Content\":\"{m.Content}\"}}"))}]", row.Text("Messages"));
            Assert.Equal(wrote.Author is null ? null : "{\"Role\":\"r\",\"Content\":null}", row.Text("Author"));
        }
    }

    [Fact]
    public async Task Row_groups_may_be_passed_over()
    {
        var file = await WriteAsync([.. Enumerable.Range(0, 300).Select(Make)], CompressionMethod.Snappy, 100);
        var rows = RowReader.Stream(new MemoryStream(file), "x", RowFormat.Parquet, default, 250).ToList();
        Assert.Equal((50, 251, "250"), (rows.Count, rows[0].Line, rows[0].Text("Id")));
    }

    [Fact]
    public async Task A_file_that_was_cut_or_changed_is_rows_or_a_named_fault()
    {
        var whole = await WriteAsync([.. Enumerable.Range(0, 60).Select(Make)], CompressionMethod.Snappy, 20);
        var plain = await WriteAsync([.. Enumerable.Range(0, 60).Select(Make)], CompressionMethod.None, 20);
        Gen.Select(Gen.Bool, Gen.Int[0, whole.Length - 1], Gen.Int[0, plain.Length - 1], Gen.Byte, Gen.Int[1, 8]).Sample((packed, first, second, value, count) =>
        {
            var bytes = (byte[])(packed ? whole : plain).Clone();
            var at = packed ? first : second;
            for (var i = at; i < Math.Min(at + count, bytes.Length); i++) bytes[i] = (byte)(value + i);
            try
            {
                foreach (var row in RowReader.Stream(new MemoryStream(bytes), "x", RowFormat.Parquet, default))
                    if (row.Line > 10_000) break;
            }
            catch (ProtocolFormatException)
            {
                // the promised fault
            }
        }, iter: 1_000);
    }

    [Fact]
    public async Task Truncated_files_are_refused_by_name()
    {
        var whole = await WriteAsync([Make(1)], CompressionMethod.None);
        Assert.Contains("truncated", Assert.Throws<ProtocolFormatException>(() => RowReader.Read(whole[..^4], "shard.parquet", RowFormat.Parquet)).Message, StringComparison.Ordinal);
        Assert.StartsWith("shard.parquet", Assert.Throws<ProtocolFormatException>(() => RowReader.Read(whole[..3], "shard.parquet", RowFormat.Parquet)).Message, StringComparison.Ordinal);
    }
}
