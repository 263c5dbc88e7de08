using Parquet.Serialization;
using Pilothouse.Protocols;
using Pilothouse.Server.Modules.Tracking.Preview;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>Parquet files of a real writer, whole and damaged.</summary>
public sealed class ParquetPreviewTests
{
    internal sealed class Row
    {
        public int Id { get; set; }
        public string? Prompt { get; set; }
        public double? Score { get; set; }
        public bool Ok { get; set; }
        public DateTime At { get; set; }
    }

    internal static async Task<byte[]> SampleAsync(int rows)
    {
        var file = new MemoryStream();
        await ParquetSerializer.SerializeAsync(Enumerable.Range(0, rows).Select(i => new Row { Id = i, Prompt = i % 7 == 3 ? null : $"Where is order {i}?", Score = i % 5 == 2 ? null : i / 10.0, Ok = i % 2 == 0, At = new DateTime(2026, 1, 1, 0, 0, i % 60, DateTimeKind.Utc) }), file);
        return file.ToArray();
    }

    [Fact]
    public async Task First_rows_and_schema_are_shown()
    {
        var (table, truncated, note) = await ParquetPreviews.ReadAsync(new MemoryStream(await SampleAsync(5000)), 100, default);
        Assert.Null(note);
        Assert.True(truncated);
        Assert.Equal(5000, table.Rows);
        Assert.Equal(["Id", "Prompt", "Score", "Ok", "At"], table.Columns.Select(c => c.Name));
        Assert.Equal(100, table.Cells.Count);
        Assert.Equal(["3", null, "0.3", "false"], table.Cells[3].Take(4));
        Assert.Equal(["12", "Where is order 12?", null, "true"], table.Cells[12].Take(4));
        Assert.StartsWith("2026-01-01", table.Cells[12][4], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_anywhere_is_a_named_fault_or_a_note_and_never_hangs()
    {
        var file = await SampleAsync(200);
        var random = new Random(11);
        for (var i = 0; i < 400; i++)
        {
            var bytes = file.ToArray();
            for (var edits = random.Next(1, 4); edits > 0; edits--) bytes[random.Next(4, bytes.Length - 8)] = (byte)random.Next(256);
            if (i % 5 == 0) bytes[^8] = (byte)random.Next(256);
            try
            {
                var (table, _, _) = await ParquetPreviews.ReadAsync(new MemoryStream(bytes), 50, default);
                Assert.InRange(table.Cells.Count, 0, 50);
            }
            catch (ProtocolFormatException)
            {
                // The named refusal is the point.
            }
        }
    }

    [Theory]
    [InlineData("PAR1PAR1PAR1")]
    [InlineData("PAR1\uffff\uffffPAR1")]
    [InlineData("PAR1xxxxxxxxxxxxxxxx")]
    public async Task What_is_none_is_refused(string text) =>
        await Assert.ThrowsAsync<ProtocolFormatException>(() => ParquetPreviews.ReadAsync(new MemoryStream(System.Text.Encoding.Latin1.GetBytes(text)), 10, default));
}
