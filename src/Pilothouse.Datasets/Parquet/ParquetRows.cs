using System.Buffers;
using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Parquet;

namespace Pilothouse.Datasets.Parquet;

/// <summary>Rows of a Parquet file, nested values included, read without trusting it: records are put together from the levels of the columns (Dremel).</summary>
internal static class ParquetRows
{
    /// <summary>Bytes of pages held at once.</summary>
    private const long MaxHeld = 1024L * 1024 * 1024;

    private static readonly JsonWriterOptions Json = new() { SkipValidation = false, MaxDepth = 128, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="skip">Rows to leave out; row groups that lie before are not read.</param>
    public static IEnumerable<DataRow> Read(Stream content, string name, long skip, CancellationToken ct)
    {
        var footer = Named(name, () => ParquetFooter.Read(content));
        var (root, leaves) = Named(name, () => (ParquetNode.Tree(footer, out var found), found));
        if (root.Children.Count == 0) throw new ProtocolFormatException($"{name} has no columns.");
        if (root.Children.Count > RowReader.MaxFields) throw new ProtocolFormatException($"{name} has {root.Children.Count} columns, more than {RowReader.MaxFields}.");
        if (footer.Groups.Sum(g => g.Rows) != footer.Rows) throw new ProtocolFormatException($"{name} says that it has {footer.Rows} rows, its row groups have {footer.Groups.Sum(g => g.Rows)}.");
        var row = 0L;
        foreach (var group in footer.Groups)
        {
            if (row + group.Rows <= skip)
            {
                row += group.Rows;
                continue;
            }
            var columns = Named(name, () => Columns(content, group, leaves));
            var buffer = new ArrayBufferWriter<byte>(1024);
            using var json = new Utf8JsonWriter(buffer, Json);
            for (var i = 0L; i < group.Rows; i++, row++)
            {
                ct.ThrowIfCancellationRequested();
                buffer.ResetWrittenCount();
                json.Reset(buffer);
                try
                {
                    Record(json, root, columns);
                }
                catch (Exception e) when (e is ProtocolFormatException or InvalidOperationException or IndexOutOfRangeException or EndOfStreamException or ArgumentException)
                {
                    throw new ProtocolFormatException($"{name}, row {row + 1}: {(e is ProtocolFormatException ? e.Message : "a page of the Parquet file is damaged.")}", e);
                }
                if (row < skip) continue;
                if (buffer.WrittenCount > RowReader.MaxRowLength) throw new ProtocolFormatException($"{name}, row {row + 1}: the row has more than {RowReader.MaxRowLength} bytes.");
                yield return new DataRow((int)Math.Min(row + 1, int.MaxValue), RowReader.Fields(buffer.WrittenSpan, name, row + 1, "row"));
            }
        }
    }

    private static T Named<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ProtocolFormatException e)
        {
            throw new ProtocolFormatException($"{name}: {e.Message}", e);
        }
    }

    private static ParquetColumn[] Columns(Stream content, ParquetRowGroup group, List<ParquetNode> leaves)
    {
        var budget = new ParquetBudget(MaxHeld);
        var byPath = group.Columns.GroupBy(c => string.Join('.', c.Path), StringComparer.Ordinal).ToDictionary(c => c.Key, c => c.First(), StringComparer.Ordinal);
        return [.. leaves.Select(leaf =>
        {
            if (!byPath.TryGetValue(leaf.Path, out var chunk)) throw new ProtocolFormatException($"A row group lacks the column '{leaf.Path}' (or it lies in another file, or is encrypted).");
            if (chunk.Type != leaf.Element.Type) throw new ProtocolFormatException($"The schema and a row group say different types of the column '{leaf.Path}'.");
            return new ParquetColumn(content, leaf, chunk, budget);
        })];
    }

    private static void Record(Utf8JsonWriter json, ParquetNode root, ParquetColumn[] columns)
    {
        json.WriteStartObject();
        foreach (var field in root.Children)
        {
            json.WritePropertyName(field.Element.Name);
            Value(json, field, columns);
        }
        json.WriteEndObject();
        json.Flush();
    }

    private static void Value(Utf8JsonWriter json, ParquetNode node, ParquetColumn[] columns)
    {
        if (node.IsRepeated)
        {
            Repeated(json, node, null, columns);
            return;
        }
        var first = columns[node.FirstLeaf];
        first.Require();
        if (first.Definition < node.Definition)
        {
            Skip(node, columns);
            json.WriteNullValue();
        }
        else if (node.ListOf is { } list) Repeated(json, list, list.Wrapped, columns);
        else Present(json, node, columns);
    }

    private static void Present(Utf8JsonWriter json, ParquetNode node, ParquetColumn[] columns)
    {
        if (node.Leaf >= 0)
        {
            var column = columns[node.Leaf];
            column.Require();
            ParquetJson.Write(json, node.Element, column.Values, column.Value);
            column.Advance();
            return;
        }
        json.WriteStartObject();
        foreach (var child in node.Children)
        {
            json.WritePropertyName(child.Element.Name);
            Value(json, child, columns);
        }
        json.WriteEndObject();
    }

    /// <param name="element">What stands in the array instead of the repeated node itself.</param>
    private static void Repeated(Utf8JsonWriter json, ParquetNode node, ParquetNode? element, ParquetColumn[] columns)
    {
        json.WriteStartArray();
        var first = columns[node.FirstLeaf];
        first.Require();
        if (first.Definition < node.Definition) Skip(node, columns);
        else
        {
            do
            {
                if (json.BytesCommitted + json.BytesPending > RowReader.MaxRowLength) throw new ProtocolFormatException($"the row has more than {RowReader.MaxRowLength} bytes.");
                if (element is null) Present(json, node, columns);
                else Value(json, element, columns);
            }
            while (first.Ready() && first.Repetition == node.Repetition);
        }
        json.WriteEndArray();
    }

    private static void Skip(ParquetNode node, ParquetColumn[] columns)
    {
        for (var i = 0; i < node.LeafCount; i++)
        {
            columns[node.FirstLeaf + i].Require();
            columns[node.FirstLeaf + i].Advance();
        }
    }
}
