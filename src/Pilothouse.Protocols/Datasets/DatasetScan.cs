using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Pilothouse.Protocols.Datasets;

/// <summary>What one pass over a data set found.</summary>
/// <param name="Rows">Rows with content; a CSV's header is not one.</param>
/// <param name="Columns">Names of the fields, in order of first appearance.</param>
public sealed record DatasetScan(long Rows, IReadOnlyList<string> Columns)
{
    /// <summary>Longest line of a JSONL file or record of a CSV file, in bytes.</summary>
    public const int MaxLineLength = 16 * 1024 * 1024;

    /// <summary>Most different field names.</summary>
    public const int MaxColumns = 2_000;

    public const string JsonLines = "jsonl";
    public const string Csv = "csv";

    private static readonly byte[] ByteOrderMark = [0xEF, 0xBB, 0xBF];

    /// <summary>Reads the whole stream once in bounded memory and checks every row.</summary>
    /// <param name="format"><see cref="JsonLines"/> or <see cref="Csv"/>.</param>
    /// <exception cref="ProtocolFormatException">A line is not what the format says; the message has its number, from 1.</exception>
    public static Task<DatasetScan> ReadAsync(Stream content, string format, CancellationToken ct) => format switch
    {
        JsonLines => ReadJsonLinesAsync(content, ct),
        Csv => CsvScanner.ReadAsync(content, ct),
        _ => throw new ProtocolFormatException($"'{format}' is not a data set format. Use {JsonLines} or {Csv}."),
    };

    private static async Task<DatasetScan> ReadJsonLinesAsync(Stream content, CancellationToken ct)
    {
        var rows = 0L;
        var columns = new OrderedNames();
        var number = 0L;
        var reader = PipeReader.Create(content, new StreamPipeReaderOptions(bufferSize: 128 * 1024, leaveOpen: true));
        while (true)
        {
            var read = await reader.ReadAsync(ct).ConfigureAwait(false);
            var buffer = read.Buffer;
            while (NextLine(ref buffer, read.IsCompleted) is { } line)
            {
                number++;
                if (number == 1) line = WithoutMark(line);
                if (Row(line, number, columns)) rows++;
            }

            if (buffer.Length > MaxLineLength)
                throw new ProtocolFormatException($"Line {number + 1} is longer than {MaxLineLength / (1024 * 1024)} MiB.");
            reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                break;
        }

        await reader.CompleteAsync().ConfigureAwait(false);
        return new DatasetScan(rows, columns.Names);
    }

    private static ReadOnlySequence<byte>? NextLine(ref ReadOnlySequence<byte> buffer, bool last)
    {
        if (buffer.PositionOf((byte)'\n') is { } end)
        {
            var line = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return line;
        }

        if (!last || buffer.IsEmpty)
            return null;
        var rest = buffer;
        buffer = buffer.Slice(buffer.End);
        return rest;
    }

    internal static ReadOnlySequence<byte> WithoutMark(ReadOnlySequence<byte> line) =>
        line.Length >= 3 && line.Slice(0, 3).ToArray().AsSpan().SequenceEqual(ByteOrderMark) ? line.Slice(3) : line;

    // {"prompt":"What does SHIPPED mean?","expected":"on its way"}
    private static bool Row(ReadOnlySequence<byte> line, long number, OrderedNames columns)
    {
        var json = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = 64 });
        try
        {
            if (IsBlank(line))
                return false;
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                throw new ProtocolFormatException($"Line {number} is not a JSON object.");
            while (json.Read())
            {
                if (json.TokenType == JsonTokenType.PropertyName && json.CurrentDepth == 1 && !columns.TryAdd(json.GetString()!))
                    throw new ProtocolFormatException($"Line {number} brings the number of different fields above {MaxColumns}.");
            }

            return true;
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"Line {number} is not valid JSON (byte {e.BytePositionInLine + 1}). Write one object of fields on each line.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new ProtocolFormatException($"Line {number} has a field name that is not valid text.", e);
        }
    }

    private static bool IsBlank(ReadOnlySequence<byte> line)
    {
        foreach (var segment in line)
        {
            if (segment.Span.ContainsAnyExcept(" \t\r"u8))
                return false;
        }

        return true;
    }
}

/// <summary>Distinct names in order of first appearance, bounded.</summary>
internal sealed class OrderedNames
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];

    public IReadOnlyList<string> Names => _names;

    /// <returns>False when there are too many.</returns>
    public bool TryAdd(string name)
    {
        if (!_seen.Add(name))
            return true;
        _names.Add(name);
        return _names.Count <= DatasetScan.MaxColumns;
    }
}
