using System.Text;
using CsCheck;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Tests;

public class RowReaderTests
{
    internal static IReadOnlyList<DataRow> Jsonl(string text) => RowReader.Read(Encoding.UTF8.GetBytes(text), "data.jsonl", RowFormat.Jsonl);

    private static IReadOnlyList<DataRow> Csv(string text) => RowReader.Read(Encoding.UTF8.GetBytes(text), "data.csv", RowFormat.Csv);

    [Fact]
    public void Jsonl_rows_keep_fields_and_lines()
    {
        var rows = Jsonl("{\"id\":\"a\",\"n\":1.50,\"o\":{\"x\":[1]},\"z\":null}\n\n{\"id\":\"b\"}");
        Assert.Equal([1, 3], rows.Select(r => r.Line));
        Assert.Equal("1.50", rows[0].Text("n"));
        Assert.Equal("{\"x\":[1]}", rows[0].Text("o"));
        Assert.Null(rows[0].Text("z"));
        Assert.Null(rows[1].Text("n"));
    }

    [Theory]
    [InlineData("{\"a\":1}\n{\"a\":", "data.jsonl, line 2: not JSON")]
    [InlineData("[1]", "data.jsonl, line 1: not a JSON object")]
    [InlineData("{\"a\":1,\"a\":2}", "data.jsonl, line 1: the field 'a' stands twice")]
    public void Bad_jsonl_is_named_by_line(string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<ProtocolFormatException>(() => Jsonl(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a,b\n1,2,3\n", "data.csv, line 2: 3 values, but the header has 2 columns")]
    [InlineData("a,a\n1,2\n", "data.csv, line 1: the column 'a' stands twice")]
    [InlineData("a,b\n\"x,1\n", "data.csv, line 2: a quote is not closed")]
    [InlineData("a,b\n\"x\"y,1\n", "data.csv, line 2: text follows a closing quote")]
    public void Bad_csv_is_named_by_line(string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<ProtocolFormatException>(() => Csv(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Csv_values_may_hold_commas_quotes_and_line_ends()
    {
        var rows = Csv("id,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n2,plain\r\n");
        Assert.Equal(["a, \"b\"\nc", "plain"], rows.Select(r => r.Text("text")));
        Assert.Equal([2, 4], rows.Select(r => r.Line));
    }

    [Fact]
    public void What_is_not_utf8_is_refused() =>
        Assert.Contains("UTF-8", Assert.Throws<ProtocolFormatException>(() => RowReader.Read([0x7b, 0xff, 0xfe], "x", RowFormat.Jsonl)).Message, StringComparison.Ordinal);

    [Fact]
    public void Written_rows_read_back_the_same() =>
        Gen.OneOf(Gen.Const("a,b"), Gen.Const("\"q\""), Gen.Const("x\ny"), Gen.Const(""), Gen.String[Gen.Char[' ', '~'], 0, 12]).Array[2].Array[1, 5].Sample(values =>
        {
            DataRow[] rows = [.. values.Select((v, i) => new DataRow(i + 1, []).With("first", v[0]).With("second", v[1]))];
            foreach (var format in (RowFormat[])[RowFormat.Jsonl, RowFormat.Csv])
            {
                var writer = new StringWriter();
                RowWriter.Write(writer, rows, format);
                var back = RowReader.Read(Encoding.UTF8.GetBytes(writer.ToString()), "x", format);
                Assert.Equal(rows.Select(r => (r.Text("first"), r.Text("second"))), back.Select(r => (r.Text("first"), r.Text("second"))));
            }
        });

    [Fact]
    public void Any_bytes_are_rows_or_a_named_fault() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        foreach (var format in Enum.GetValues<RowFormat>())
        {
            try
            {
                RowReader.Read(bytes, "x", format);
            }
            catch (ProtocolFormatException)
            {
                // the promised fault
            }
        }
    });

    [Fact]
    public void Rows_are_the_same_whatever_the_size_of_the_reads() =>
        Gen.Select(Gen.String, Gen.String).List[0, 50].Select(Gen.Int[1, 40]).Sample((rows, chunk) =>
        {
            var lines = string.Concat(rows.Select(r => System.Text.Json.JsonSerializer.Serialize(new Dictionary<string, string> { ["a"] = r.Item1, ["b"] = r.Item2 }) + "\n"));
            var read = RowReader.Stream(new ChunkedStream(Encoding.UTF8.GetBytes("\uFEFF" + lines), chunk), "x", RowFormat.Jsonl, default).ToList();
            var csv = "\uFEFFa,b\r\n" + string.Concat(rows.Select(r => $"{Quote(r.Item1)},{Quote(r.Item2)}\r\n"));
            var records = RowReader.Stream(new ChunkedStream(Encoding.UTF8.GetBytes(csv), chunk), "x", RowFormat.Csv, default).ToList();
            return read.Count == rows.Count && records.Count == rows.Count && read.All(r => r.Fields.Select(f => f.Key).SequenceEqual(["a", "b"]))
                && records.Select(r => Quote(r.Text("a")!)).SequenceEqual(rows.Select(r => Quote(r.Item1)));
        }, iter: 300);

    [Fact]
    public void A_line_without_an_end_is_refused_before_it_fills_the_memory()
    {
        var endless = new MemoryStream(new byte[RowReader.MaxRowLength + 200_000].AsSpan().ToArray(), writable: false);
        Assert.Contains("more than", Assert.Throws<ProtocolFormatException>(() => RowReader.Read(endless, "x", RowFormat.Jsonl)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_may_be_passed_over()
    {
        var text = Encoding.UTF8.GetBytes("{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n");
        Assert.Equal([(3, "2"), (4, "3")], RowReader.Stream(new MemoryStream(text), "x", RowFormat.Jsonl, default, 1).Select(r => (r.Line, r.Text("a")!)));
    }

    private static string Quote(string text) => '"' + new string(text.Where(c => !char.IsSurrogate(c)).ToArray()).Replace("\"", "\"\"", StringComparison.Ordinal) + '"';

    /// <summary>Gives at most so many bytes a read, as a network does.</summary>
    private sealed class ChunkedStream(byte[] content, int chunk) : MemoryStream(content, writable: false)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, chunk)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, chunk));
    }
}
