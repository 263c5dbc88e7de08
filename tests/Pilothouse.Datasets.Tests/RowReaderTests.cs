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
        foreach (var format in (RowFormat[])[RowFormat.Jsonl, RowFormat.Csv])
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
}
