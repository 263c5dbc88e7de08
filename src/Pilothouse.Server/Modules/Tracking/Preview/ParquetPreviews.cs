using System.Globalization;
using Parquet;
using Parquet.Schema;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Parquet;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>
/// Schema and first rows of a Parquet file. Parquet.Net trusts what it reads (a cut number sends it in circles, a claimed size is allocated), so our own reader goes first and
/// refuses what cannot be; then Parquet.Net gets a file of only the first pages of each column, with metadata that we wrote.
/// </summary>
internal static class ParquetPreviews
{
    /// <summary>Columns whose values are shown.</summary>
    public const int MaxColumns = 100;

    /// <summary>Bytes read of one column's first pages, packed and unpacked.</summary>
    public const int MaxColumnBytes = 8 * 1024 * 1024;

    private const int MaxValues = 1_000_000;
    private const int MaxPages = 64;
    private const int MaxCell = 500;

    private static readonly string[] Physical = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"];
    private static readonly string[] Logical = ["", "STRING", "MAP", "LIST", "ENUM", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "", "INTEGER", "NULL", "JSON", "BSON", "UUID", "FLOAT16", "VARIANT", "GEOMETRY", "GEOGRAPHY"];
    private static readonly Dictionary<int, string> Converted = new() { [0] = "STRING", [1] = "MAP", [3] = "LIST", [4] = "ENUM", [5] = "DECIMAL", [6] = "DATE", [7] = "TIME_MILLIS", [8] = "TIME_MICROS", [9] = "TIMESTAMP_MILLIS", [10] = "TIMESTAMP_MICROS", [11] = "UINT_8", [12] = "UINT_16", [13] = "UINT_32", [14] = "UINT_64", [15] = "INT_8", [16] = "INT_16", [17] = "INT_32", [18] = "INT_64", [19] = "JSON", [20] = "BSON", [21] = "INTERVAL" };

    public static async Task<(TablePreview Table, bool Truncated, string? Note)> ReadAsync(Stream content, int maxRows, CancellationToken ct)
    {
        var footer = await ParquetFooter.ReadAsync(content, ct);
        var leaves = Leaves(footer.Schema).Take(MaxColumns).ToList();
        var group = footer.Groups.FirstOrDefault(g => g.Rows > 0);
        var rows = (int)Math.Min(maxRows, group?.Rows ?? 0);
        var columns = new List<IReadOnlyList<string?>?>();
        var notes = new List<string>();
        foreach (var (name, element) in leaves)
        {
            try
            {
                columns.Add(group is null ? [] : await ColumnAsync(content, group, name, element, rows, ct));
            }
            catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
            {
                // Parquet.Net has no exceptions of its own for damaged pages, and does not know every encoding.
                columns.Add(null);
                notes.Add(e is ProtocolFormatException ? $"{name}: {e.Message}" : $"{name}: its values cannot be read here.");
            }
        }
        var cells = Enumerable.Range(0, rows).Select(r => (IReadOnlyList<string?>)[.. columns.Select(c => c is null ? "?" : r < c.Count ? c[r] : null)]).ToList();
        if (leaves.Count == MaxColumns) notes.Add($"The first {MaxColumns} columns are shown.");
        return (new TablePreview("parquet", footer.Rows, [.. leaves.Select(l => new TableColumn(l.Name, TypeOf(l.Element)))], cells), footer.Rows > rows, notes.Count == 0 ? null : string.Join(' ', notes.Take(5)));
    }

    private static async Task<List<string?>> ColumnAsync(Stream content, ParquetRowGroup group, string name, ParquetElement element, int rows, CancellationToken ct)
    {
        var chunk = group.Columns.FirstOrDefault(c => string.Join('.', c.Path) == name) ?? throw new ProtocolFormatException("the row group does not have it.");
        if (chunk.Type != element.Type) throw new ProtocolFormatException("the schema and the row group say different types.");
        if (element.Repetition == 2 || chunk.Path.Count > 1) throw new ProtocolFormatException("nested values are not shown.");
        var (pages, values) = await PagesAsync(content, chunk, rows, ct);
        using var file = new MemoryStream(ParquetSlice.OneColumn(element, chunk, pages, values));
        await using var bounded = new HeaderStream(file, MaxColumnBytes * 4L);
        await using var reader = await ParquetReader.CreateAsync(bounded, cancellationToken: ct);
        using var first = reader.OpenRowGroupReader(0);
        return await ValuesAsync(first, reader.Schema.DataFields[0], values, rows, ct);
    }

    /// <summary>The bytes of the first pages of a column that hold so many values; each header was looked at.</summary>
    private static async Task<(byte[] Pages, int Values)> PagesAsync(Stream content, ParquetChunk chunk, int rows, CancellationToken ct)
    {
        var (at, values, raw) = (chunk.Start, 0, 0L);
        var head = new byte[ParquetPage.MaxHeader];
        using var pages = new MemoryStream();
        for (var count = 0; values < rows && values < chunk.Values; count++)
        {
            if (count == MaxPages) throw new ProtocolFormatException("its first rows lie on too many pages.");
            content.Position = at;
            var read = await content.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, ct);
            var page = ParquetPage.Parse(head.AsSpan(0, read));
            raw += page.UncompressedSize;
            var length = page.HeaderLength + (long)page.CompressedSize;
            if (at + length > content.Length) throw new ProtocolFormatException("a page ends beyond the file.");
            if (raw > MaxColumnBytes || pages.Length + length > MaxColumnBytes) throw new ProtocolFormatException("its first page is too large to be shown.");
            if (page.Type != 1)
            {
                content.Position = at;
                var bytes = new byte[length];
                await content.ReadExactlyAsync(bytes, ct);
                pages.Write(bytes);
                if (page.Values > MaxValues) throw new ProtocolFormatException("a page claims too many values.");
                if (page.Type is 0 or 3) values += page.Values;
            }
            at += length;
        }
        return values <= MaxValues ? (pages.ToArray(), values) : throw new ProtocolFormatException("a page claims too many values.");
    }

    private static Task<List<string?>> ValuesAsync(ParquetRowGroupReader group, DataField field, int values, int rows, CancellationToken ct) => Type.GetTypeCode(field.ClrType) switch
    {
        _ when field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>) => TextAsync(group, field, values, rows, ct),
        _ when field.ClrType == typeof(byte[]) || field.ClrType == typeof(ReadOnlyMemory<byte>) => BytesAsync(group, field, values, rows, ct),
        TypeCode.Boolean => TypedAsync<bool>(group, field, values, rows, ct),
        TypeCode.SByte => TypedAsync<sbyte>(group, field, values, rows, ct),
        TypeCode.Byte => TypedAsync<byte>(group, field, values, rows, ct),
        TypeCode.Int16 => TypedAsync<short>(group, field, values, rows, ct),
        TypeCode.UInt16 => TypedAsync<ushort>(group, field, values, rows, ct),
        TypeCode.Int32 => TypedAsync<int>(group, field, values, rows, ct),
        TypeCode.UInt32 => TypedAsync<uint>(group, field, values, rows, ct),
        TypeCode.Int64 => TypedAsync<long>(group, field, values, rows, ct),
        TypeCode.UInt64 => TypedAsync<ulong>(group, field, values, rows, ct),
        TypeCode.Single => TypedAsync<float>(group, field, values, rows, ct),
        TypeCode.Double => TypedAsync<double>(group, field, values, rows, ct),
        TypeCode.Decimal => TypedAsync<decimal>(group, field, values, rows, ct),
        TypeCode.DateTime => TypedAsync<DateTime>(group, field, values, rows, ct),
        _ when field.ClrType == typeof(TimeSpan) => TypedAsync<TimeSpan>(group, field, values, rows, ct),
        _ => throw new ProtocolFormatException($"values of the type {field.ClrType.Name} are not shown."),
    };

    private static async Task<List<string?>> TypedAsync<T>(ParquetRowGroupReader group, DataField field, int values, int rows, CancellationToken ct) where T : struct
    {
        if (field.IsNullable)
        {
            var some = new T?[values];
            await group.ReadAsync<T>(field, some.AsMemory(), null, ct);
            return [.. some.Take(rows).Select(v => v is null ? null : Show(v))];
        }
        var all = new T[values];
        await group.ReadAsync<T>(field, all.AsMemory(), null, ct);
        return [.. all.Take(rows).Select(v => Show(v))];
    }

    private static async Task<List<string?>> TextAsync(ParquetRowGroupReader group, DataField field, int values, int rows, CancellationToken ct)
    {
        var texts = new string?[values];
        await group.ReadAsync(field, texts.AsMemory(), null, ct);
        return [.. texts.Take(rows).Select(t => t is null ? null : Clip(t))];
    }

    private static async Task<List<string?>> BytesAsync(ParquetRowGroupReader group, DataField field, int values, int rows, CancellationToken ct)
    {
        var bytes = new byte[]?[values];
        await group.ReadAsync(field, bytes.AsMemory(), null, ct);
        return [.. bytes.Take(rows).Select(b => b is null ? null : Clip(Convert.ToHexStringLower(b.AsSpan(0, Math.Min(b.Length, MaxCell)))))];
    }

    private static string Show(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        DateTime time => time.ToString(time.TimeOfDay == default ? "yyyy-MM-dd" : "yyyy-MM-dd HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Clip(string text) => text.Length <= MaxCell ? text : text[..MaxCell] + "…";

    private static string TypeOf(ParquetElement element) => element.Logical is { } logical && logical < Logical.Length && Logical[logical].Length > 0 ? Logical[logical]
        : element.Converted is { } converted && Converted.TryGetValue(converted, out var name) ? name : element.Type is { } type ? Physical[type] : "GROUP";

    /// <summary>Columns with their dotted paths, in the order of the file.</summary>
    private static IEnumerable<(string Name, ParquetElement Element)> Leaves(IReadOnlyList<ParquetElement> schema)
    {
        var open = new Stack<(string Path, int Left)>();
        for (var i = 0; i < schema.Count; i++)
        {
            while (open.Count > 0 && open.Peek().Left == 0) open.Pop();
            var path = "";
            if (i > 0)
            {
                var (above, left) = open.Pop();
                open.Push((above, left - 1));
                path = above.Length == 0 ? schema[i].Name : $"{above}.{schema[i].Name}";
                if (schema[i].Children == 0) yield return (path, schema[i]);
            }
            if (schema[i].Children > 0) open.Push((path, schema[i].Children));
        }
    }
}
