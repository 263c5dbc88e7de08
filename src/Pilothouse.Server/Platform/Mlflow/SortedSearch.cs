using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Platform;

/// <summary>What a search sorts by: an SQL expression, and its rank (0 = a value, 1 = NaN, 2 = missing), which goes first in either direction.</summary>
/// <param name="Rank">Null when there is always a value.</param>
/// <param name="IsText">The values are texts, else numbers.</param>
internal sealed record SortKey(string Value, string? Rank, bool IsText, bool Descending);

/// <summary>One sort key of the last row of a page.</summary>
internal sealed record CursorValue(long Rank, string? Text, double Number);

/// <summary>A search that begins at the table it is ordered by.</summary>
/// <param name="OtherJoins">All joins but that of this table.</param>
internal sealed record LeadingTable(string Table, string Where, string OtherJoins, string OrderBy);

/// <summary>
/// The common part of MLflow's searches as SQL: conditions, order, and pages that begin behind the last row of the page before (keyset), however many rows
/// were added meanwhile.
/// </summary>
internal sealed class SortedSearch(SqlDialect dialect)
{
    private readonly List<string> _conditions = [];
    private readonly List<string> _joins = [];
    private readonly List<SortKey> _keys = [];
    private (string Table, string Where)? _lead;
    private bool _startsInValues = true;
    private string? _firstBound;

    public DynamicParameters Args { get; } = new();

    public SqlDialect Dialect { get; } = dialect;

    public string Joins => string.Join('\n', _joins);

    public string Where => _conditions.Count == 0 ? "1 = 1" : string.Join("\n  AND ", _conditions);

    public string OrderBy => OrderOf(skipFirstRank: false);

    /// <summary>The sort values of a row, as columns r0, v0, r1, v1, ...</summary>
    public string CursorColumns => string.Join(", ", _keys.Select((k, i) => $"{k.Rank ?? "0"} AS r{i}, {k.Value} AS v{i}"));

    /// <summary>Ways to begin the search at a condition that an index answers: each a table <c>f</c> with its WHERE, whose column <c>run</c> says which rows meet it.</summary>
    public List<string> Drivers { get; } = [];

    /// <summary>The way to begin at the table that the search is ordered by first; null when there is none, or the page begins behind all rows that have a value.</summary>
    public LeadingTable? OrderDriver => _lead is not { } lead || !_startsInValues ? null
        : new LeadingTable(lead.Table, _firstBound is null ? lead.Where : $"{lead.Where} AND {_firstBound}", string.Join('\n', _joins.Skip(1)), OrderOf(skipFirstRank: true));

    /// <summary>Binds a value and returns its placeholder.</summary>
    public string Bind(object? value)
    {
        var name = $"p{Args.ParameterNames.Count()}";
        Args.Add(name, value);
        return "@" + name;
    }

    public void And(string condition) => _conditions.Add(condition);

    public void Join(string join) => _joins.Add(join);

    public void Sort(SortKey key) => _keys.Add(key.IsText ? key with { Value = key.Value + Dialect.Binary } : key);

    /// <summary>Says that the first sort key is a column of the first join, whose table can lead the search: an index has it in order.</summary>
    /// <param name="where">What makes it an inner join that has only real values.</param>
    public void LeadBy(string table, string where)
    {
        if (_keys.Count == 1 && _joins.Count == 1) _lead = (table, where);
    }

    /// <summary>Alias of the next join.</summary>
    public string NextAlias => $"j{_joins.Count}";

    /// <summary>The comparison as SQL over <paramref name="column"/>.</summary>
    public string Compare(string column, MlflowComparison c)
    {
        if (c.Number is { } number) return $"{column} {Symbol(c.Operator)} {Bind(number)}";
        return c.Operator switch
        {
            MlflowOperator.Like => Dialect.Like(column, Bind(c.Text)),
            MlflowOperator.ILike => Dialect.ILike(column, Bind(c.Text)),
            MlflowOperator.In => Dialect.In(column, Bind(c.List!.ToArray())),
            MlflowOperator.NotIn => $"NOT {Dialect.In(column, Bind(c.List!.ToArray()))}",
            _ => $"{column} {Symbol(c.Operator)} {Bind(c.Text)}",
        };
    }

    /// <summary>Starts behind the row whose sort values stand in the token.</summary>
    /// <exception cref="PilothouseException">Not a token of this search.</exception>
    public void StartAfter(string? token)
    {
        if (string.IsNullOrEmpty(token)) return;
        if (!PageToken.TryDecode<CursorValue[]>(token, out var cursor) || cursor!.Length != _keys.Count)
            throw new PilothouseException(ErrorCode.InvalidArgument, "Invalid page token, could not base64-decode. Send the next_page_token of the same search unchanged, or none for the first page.");
        var alternatives = new List<string>();
        var equal = "";
        for (var i = 0; i < cursor.Length; i++)
        {
            var (key, at) = (_keys[i], cursor[i]);
            var value = at.Rank == 0 ? Bind(key.IsText ? at.Text : at.Number) : null;
            var behind = value is null ? null : $"{key.Value} {(key.Descending ? "<" : ">")} {value}";
            if (key.Rank is not null)
            {
                var rank = Bind(at.Rank);
                behind = $"({key.Rank} > {rank}{(behind is null ? "" : $" OR {key.Rank} = {rank} AND {behind}")})";
            }
            alternatives.Add(equal + behind);
            equal += (key.Rank is null ? "" : $"{key.Rank} = {Bind(at.Rank)} AND ") + (value is null ? "" : $"{key.Value} = {value} AND ");
        }
        _startsInValues = cursor[0].Rank == 0;
        if (_keys[0].Rank is not null && _startsInValues) _firstBound = $"{_keys[0].Value} {(_keys[0].Descending ? "<=" : ">=")} {Bind(_keys[0].IsText ? cursor[0].Text : cursor[0].Number)}";
        // The first key alone bounds the index scan; the alternatives then decide between equals.
        if (_keys[0] is { Rank: null } first) And($"{first.Value} {(first.Descending ? "<=" : ">=")} {Bind(first.IsText ? cursor[0].Text : cursor[0].Number)}");
        And($"({string.Join("\n    OR ", alternatives)})");
    }

    /// <summary>Token of the page behind a row.</summary>
    /// <param name="row">Columns of <see cref="CursorColumns"/>.</param>
    public string TokenOf(IDictionary<string, object?> row) => PageToken.Encode(_keys.Select((key, i) =>
    {
        var value = row[$"v{i}"];
        return new CursorValue(Convert.ToInt64(row[$"r{i}"], System.Globalization.CultureInfo.InvariantCulture), key.IsText ? value as string : null,
            key.IsText || value is null ? 0 : Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture));
    }).ToArray());

    /// <summary>Token of the page behind the row that the reader stands on.</summary>
    /// <param name="first">Number of the first of <see cref="CursorColumns"/>.</param>
    public string TokenOf(System.Data.Common.DbDataReader row, int first)
    {
        var columns = new Dictionary<string, object?>();
        for (var i = 0; i < _keys.Count; i++)
        {
            columns[$"r{i}"] = row.GetValue(first + 2 * i);
            columns[$"v{i}"] = row.IsDBNull(first + 2 * i + 1) ? null : row.GetValue(first + 2 * i + 1);
        }
        return TokenOf(columns);
    }

    private string OrderOf(bool skipFirstRank) =>
        string.Join(", ", _keys.Select((k, i) => (k.Rank is null || skipFirstRank && i == 0 ? "" : $"{k.Rank}, ") + k.Value + (k.Descending ? " DESC" : "")));

    private static string Symbol(MlflowOperator op) => op switch
    {
        MlflowOperator.Equal => "=",
        MlflowOperator.NotEqual => "<>",
        MlflowOperator.Less => "<",
        MlflowOperator.LessOrEqual => "<=",
        MlflowOperator.Greater => ">",
        MlflowOperator.GreaterOrEqual => ">=",
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"The comparison {op} cannot be used here."),
    };
}
