using Pilothouse.Protocols.Datasets;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>First rows of CSV, TSV, JSON Lines and Parquet files.</summary>
internal static class TablePreviews
{
    public const int MaxRows = 100;

    public static async Task<(TablePreview Table, bool Truncated, string? Note)> ReadAsync(string path, Stream content, byte[] head, CancellationToken ct)
    {
        if (head.AsSpan().StartsWith("PAR1"u8)) return await ParquetPreviews.ReadAsync(content, MaxRows, ct);
        var (text, cut) = await ArtifactPreviews.TextAsync(content, ArtifactPreviews.MaxTableText, ct);
        var format = Path.GetExtension(path).ToLowerInvariant() switch { ".csv" => "csv", ".tsv" => "tsv", _ => "jsonl" };
        var rows = format == "jsonl" ? TableHead.ReadJsonLines(text, MaxRows, whole: !cut) : TableHead.ReadCsv(text, format == "csv" ? ',' : '\t', MaxRows, whole: !cut);
        var columns = rows.Columns.Select((name, i) => new TableColumn(name, TableHead.TypeOf(rows.Rows.Select(r => r[i])))).ToList();
        return (new TablePreview(format, rows.Complete ? rows.Rows.Count : null, columns, rows.Rows), !rows.Complete, null);
    }
}
