using System.Text;

namespace Pilothouse.Protocols.Datasets;

/// <summary>
/// Counts the records of a CSV file with a header (<see href="https://www.rfc-editor.org/rfc/rfc4180">RFC 4180</see>): commas, fields in double
/// quotes where needed, line breaks allowed inside quotes. Every record must have as many fields as the header.
/// </summary>
internal sealed class CsvScanner
{
    private enum Place
    {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }

    private readonly StringBuilder _field = new();
    private readonly List<string> _header = [];
    private Place _place = Place.FieldStart;
    private long _records;
    private long _line = 1;
    private int _fields;
    private int _length;
    private bool _blank = true;

    public static async Task<DatasetScan> ReadAsync(Stream content, CancellationToken ct)
    {
        using var reader = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true, 64 * 1024, leaveOpen: true);
        var scanner = new CsvScanner();
        var buffer = new char[64 * 1024];
        try
        {
            for (int read; (read = await reader.ReadAsync(buffer, ct).ConfigureAwait(false)) > 0;)
            {
                foreach (var c in buffer.AsSpan(0, read))
                    scanner.Next(c);
            }
        }
        catch (DecoderFallbackException e)
        {
            throw new ProtocolFormatException($"Line {scanner._line} or one soon after it is not UTF-8.", e);
        }

        return scanner.Finish();
    }

    private void Next(char c)
    {
        if (++_length > DatasetScan.MaxLineLength)
            throw new ProtocolFormatException($"The record on line {_line} is too long; is a quote left open?");
        if (c == '\n') _line++;
        switch (_place)
        {
            case Place.Quoted:
                if (c == '"') _place = Place.QuoteInQuoted;
                else Keep(c);
                return;
            case Place.QuoteInQuoted when c == '"':
                _place = Place.Quoted;
                Keep(c);
                return;
            case Place.FieldStart when c == '"':
                (_place, _blank) = (Place.Quoted, false);
                return;
        }

        switch (c)
        {
            case ',':
                _blank = false;
                EndField();
                break;
            case '\n':
                EndRecord(_line - 1);
                break;
            case '\r':
                break;
            default:
                if (_place == Place.QuoteInQuoted)
                    throw new ProtocolFormatException($"Line {_line}: text follows a closing quote. Write a quote inside quotes as \"\".");
                (_place, _blank) = (Place.Plain, false);
                Keep(c);
                break;
        }
    }

    /// <summary>Only the header's text is needed.</summary>
    private void Keep(char c)
    {
        if (_records == 0) _field.Append(c);
    }

    private void EndField()
    {
        if (_records == 0)
        {
            if (_header.Count == DatasetScan.MaxColumns)
                throw new ProtocolFormatException($"The header has more than {DatasetScan.MaxColumns} columns.");
            _header.Add(_field.ToString());
            _field.Clear();
        }

        _fields++;
        _place = Place.FieldStart;
    }

    private void EndRecord(long line)
    {
        _length = 0;
        if (_blank)
            return;
        EndField();
        if (_records == 0 && _header.Distinct(StringComparer.Ordinal).Count() != _header.Count)
            throw new ProtocolFormatException("The header names a column twice.");
        if (_fields != _header.Count)
            throw new ProtocolFormatException($"Line {line} has {_fields} fields, the header has {_header.Count}.");
        _records++;
        (_fields, _blank) = (0, true);
    }

    private DatasetScan Finish()
    {
        if (_place == Place.Quoted)
            throw new ProtocolFormatException($"The file ends inside a quoted field; it is truncated, or a quote is left open before line {_line}.");
        EndRecord(_line);
        return new DatasetScan(Math.Max(_records - 1, 0), _header);
    }
}
