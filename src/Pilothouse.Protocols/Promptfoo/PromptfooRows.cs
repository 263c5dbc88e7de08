using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>
/// Tests of promptfoo in files of rows: CSV, whose columns that begin with <c>__</c> are special (https://www.promptfoo.dev/docs/configuration/test-cases#csv),
/// and JSON lines. Both become the list that a YAML file would hold, one test a line.
/// </summary>
internal static partial class PromptfooRows
{
    /// <summary>Characters of one file.</summary>
    private const int MaxLength = 64 * 1024 * 1024;

    // Types that take "TYPE(THRESHOLD): VALUE"; all others take "TYPE: VALUE".
    private static readonly string[] Graded = ["answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance", "cost", "latency", "levenshtein", "perplexity-score", "perplexity", "rouge-n", "similar", "starts-with"];

    /// <exception cref="ProtocolFormatException">Not such a file; names the line.</exception>
    public static string Lines(string content, string path)
    {
        var tests = new List<string>();
        var number = 0;
        foreach (var line in content.TrimStart('\ufeff').Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            try
            {
                if (JsonElement.Parse(line).ValueKind != JsonValueKind.Object) throw new ProtocolFormatException($"{path}, line {number}: a test is a JSON object.");
            }
            catch (JsonException e)
            {
                throw new ProtocolFormatException($"{path}, line {number}: {e.Message}", e);
            }
            tests.Add(line.TrimEnd('\r'));
        }
        return List(tests);
    }

    /// <inheritdoc cref="Lines"/>
    public static string Csv(string content, string path)
    {
        var rows = Records(content, path);
        if (rows.Count == 0) throw new ProtocolFormatException($"{path} is empty: its first line names the columns.");
        var columns = rows[0].Fields;
        foreach (var column in columns.Where(c => Single().IsMatch(c)))
            throw new ProtocolFormatException($"{path}, line {rows[0].Line}: the column '{ObjectReader.Shorten(column)}' would be a variable like any other. Did you mean '_{ObjectReader.Shorten(column)}', with two underscores?");
        if (columns.Where(c => c.Length > 0).GroupBy(c => c, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ProtocolFormatException($"{path}, line {rows[0].Line}: two columns are called '{ObjectReader.Shorten(twice.Key)}'. Give each a name of its own (__expected, __expected2, ...).");
        return List([.. rows.Skip(1).Select(row => Test(columns, row, path))]);
    }

    private static string List(List<string> tests) => $"[\n{string.Join(",\n", tests)}\n]";

    private static string Test(string[] columns, Record row, string path)
    {
        if (row.Fields.Length != columns.Length) throw new ProtocolFormatException($"{path}, line {row.Line}: there are {row.Fields.Length} fields for {columns.Length} columns.");
        var vars = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        var assertions = new List<Dictionary<string, object>>();
        var options = new Dictionary<string, string>();
        var test = new OrderedDictionary<string, object> { ["vars"] = vars, ["assert"] = assertions, ["options"] = options };
        string? metric = null;
        for (var i = 0; i < columns.Length; i++)
        {
            var (column, value) = (columns[i], row.Fields[i]);
            if (column.StartsWith("__expected", StringComparison.Ordinal))
            {
                if (value.Trim() is { Length: > 0 } expected) assertions.Add(Assertion(expected));
            }
            else if (!column.StartsWith("__", StringComparison.Ordinal)) vars[column] = value;
            else if (value.Length == 0) continue;
            else if (column == "__description") test["description"] = value;
            else if (column == "__metric") metric = value;
            else if (column is "__prefix" or "__suffix") options[column[2..]] = value;
            else if (column == "__threshold" && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var least)) test["threshold"] = least;
            else if (column.StartsWith("__metadata:", StringComparison.Ordinal)) continue;
            else throw new ProtocolFormatException($"{path}, line {row.Line}: the column '{ObjectReader.Shorten(column)}' with '{ObjectReader.Shorten(value)}' is not read here.");
        }
        foreach (var one in assertions.Where(_ => metric is not null)) one["metric"] = metric!;
        return JsonSerializer.Serialize(test);
    }

    // "contains: Ann", "not-icontains-any: a, b", "similar(0.8): hello", "grade: is polite", "hello" (equals)
    private static Dictionary<string, object> Assertion(string text)
    {
        Dictionary<string, object> Of(string type, string value) => new() { ["type"] = type, ["value"] = value };
        foreach (var (prefix, type) in ((string, string)[])[("javascript:", "javascript"), ("fn:", "javascript"), ("eval:", "javascript"), ("python:", "python"), ("grade:", "llm-rubric"), ("llm-rubric:", "llm-rubric")])
            if (text.StartsWith(prefix, StringComparison.Ordinal)) return Of(type, text[prefix.Length..].Trim());
        if (text.StartsWith("file://", StringComparison.Ordinal) && Program().IsMatch(text)) return Of(text.Contains(".py", StringComparison.Ordinal) ? "python" : "javascript", text);
        if (Typed().Match(text) is not { Success: true } match || !PromptfooAssertions.All.Contains(match.Groups[2].Value)) return Of("equals", text);
        var (type1, value1) = (match.Groups[2].Value, match.Groups[4].Success ? match.Groups[4].Value.Trim() : null);
        var assertion = new Dictionary<string, object> { ["type"] = match.Groups[1].Value + type1 };
        if (type1 is "contains-all" or "contains-any" or "icontains-all" or "icontains-any") assertion["value"] = (value1 ?? "").Split(',').Select(s => s.Trim()).ToArray();
        else if (value1 is not null) assertion["value"] = value1;
        // Zero counts as not given, as in promptfoo.
        if (Graded.Contains(type1)) assertion["threshold"] = double.TryParse(match.Groups[3].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var given) && given > 0 ? given : type1 == "similar" ? 0.8 : 0.75;
        return assertion;
    }

    /// <summary>RFC 4180; white space belongs to a field, as in promptfoo.</summary>
    private static List<Record> Records(string content, string path)
    {
        if (content.Length > MaxLength) throw new ProtocolFormatException($"{path} is larger than {MaxLength / (1024 * 1024)} MB.");
        var records = new List<Record>();
        var (fields, field, line, start) = (new List<string>(), new StringBuilder(), 1, 1);
        var (quoted, wasQuoted) = (false, false);
        void EndField()
        {
            fields.Add(field.ToString());
            field.Clear();
            wasQuoted = false;
        }
        void EndRecord()
        {
            EndField();
            if (fields is not [""]) records.Add(new Record(start, [.. fields]));
            fields.Clear();
        }
        for (var i = content.StartsWith('\ufeff') ? 1 : 0; i < content.Length; i++)
        {
            var c = content[i];
            if (c == '\n') line++;
            if (quoted && c == '"' && i + 1 < content.Length && content[i + 1] == '"')
            {
                field.Append('"');
                i++;
            }
            else if (quoted && c == '"') quoted = false;
            else if (quoted) field.Append(c);
            else if (c == '"' && string.IsNullOrWhiteSpace(field.ToString()) && !wasQuoted)
            {
                field.Clear();
                (quoted, wasQuoted) = (true, true);
            }
            else if (c == ',') EndField();
            else if (c == '\n' || c == '\r' && (i + 1 == content.Length || content[i + 1] != '\n'))
            {
                if (c == '\r') line++;
                EndRecord();
                start = line;
            }
            else if (c != '\r' && !(wasQuoted && char.IsWhiteSpace(c))) field.Append(c);
        }
        if (quoted) throw new ProtocolFormatException($"{path}, line {start}: a quoted field does not end.");
        if (field.Length > 0 || fields.Count > 0 || wasQuoted) EndRecord();
        return records;
    }

    [GeneratedRegex(@"^(not-)?([a-z][a-z0-9:-]*?)(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?$", RegexOptions.NonBacktracking)]
    private static partial Regex Typed();

    [GeneratedRegex(@"^_(expected|prefix|suffix|description|metric|threshold)[0-9]*$", RegexOptions.NonBacktracking)]
    private static partial Regex Single();

    [GeneratedRegex(@"\.(py|js|ts|mjs|cjs|rb)(:|$)", RegexOptions.NonBacktracking)]
    private static partial Regex Program();

    /// <param name="Line">Where it begins, from 1.</param>
    private sealed record Record(int Line, string[] Fields);
}
