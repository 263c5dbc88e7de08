using System.Text;
using System.Text.Json;
using CsCheck;
using Pilothouse.Protocols.Datasets;

namespace Pilothouse.Protocols.Tests.Datasets;

public class DatasetScanTests
{
    [Fact]
    public void Json_lines_are_counted_whatever_their_text_and_the_size_of_the_reads() =>
        Gen.Select(Gen.String, Gen.String).List[0, 50].Select(Gen.Int[1, 40]).Sample((rows, chunk) =>
        {
            var text = string.Concat(rows.Select(r => JsonSerializer.Serialize(new Dictionary<string, string> { ["a"] = r.Item1, ["b"] = r.Item2 }) + "\n"));
            var scan = Scan(text, "jsonl", chunk);
            return scan.Rows == rows.Count && scan.Columns.SequenceEqual(rows.Count == 0 ? [] : ["a", "b"]);
        }, iter: 300);

    [Fact]
    public void Csv_records_are_counted_whatever_stands_in_quotes() =>
        Gen.Select(Gen.String, Gen.String).List[0, 50].Select(Gen.Int[1, 40]).Sample((rows, chunk) =>
        {
            var text = "a,b\r\n" + string.Concat(rows.Select(r => $"{Quote(r.Item1)},{Quote(r.Item2)}\r\n"));
            var scan = Scan(text, "csv", chunk);
            return scan.Rows == rows.Count && scan.Columns.SequenceEqual(["a", "b"]);
        }, iter: 300);

    [Fact]
    public void Any_bytes_give_a_count_or_a_format_error() =>
        Gen.Byte.Array[0, 200].Select(Gen.OneOf(Gen.Const("jsonl"), Gen.Const("csv"))).Sample((bytes, format) =>
        {
            try
            {
                DatasetScan.ReadAsync(new MemoryStream(bytes), format, default).GetAwaiter().GetResult();
            }
            catch (ProtocolFormatException)
            {
            }
        }, iter: 2000);

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_first_row()
    {
        Assert.Equal(["a"], Scan("\uFEFF{\"a\":1}", "jsonl", 7).Columns);
        Assert.Equal(["a", "b"], Scan("\uFEFFa,b\n1,2", "csv", 7).Columns);
    }

    private static string Quote(string text) => '"' + new string(text.Where(c => !char.IsSurrogate(c)).ToArray()).Replace("\"", "\"\"") + '"';

    private static DatasetScan Scan(string text, string format, int chunk) =>
        DatasetScan.ReadAsync(new ChunkedStream(Encoding.UTF8.GetBytes(text), chunk), format, default).GetAwaiter().GetResult();

    /// <summary>Gives at most so many bytes a read, as a network does.</summary>
    private sealed class ChunkedStream(byte[] content, int chunk) : MemoryStream(content, writable: false)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(buffer.Length, chunk)], cancellationToken);
    }
}
