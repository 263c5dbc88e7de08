using System.Globalization;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>What a comparison looks at.</summary>
public enum MlflowEntity
{
    /// <summary>Latest value of a metric of a run.</summary>
    Metric,

    /// <summary>Parameter of a run.</summary>
    Param,

    /// <summary>Tag.</summary>
    Tag,

    /// <summary>Field of the record itself, such as <c>status</c>.</summary>
    Attribute,

    /// <summary>Input data set of a run: <c>name</c>, <c>digest</c> or <c>context</c>.</summary>
    Dataset,

    /// <summary>Metadata of a trace, set when it was made.</summary>
    Metadata,

    /// <summary>A span of a trace: <c>name</c>, <c>type</c>, <c>status</c>, <c>content</c> or <c>attributes.KEY</c>.</summary>
    Span,

    /// <summary>Value of the feedback of that name on a trace.</summary>
    Feedback,

    /// <summary>Value of the expectation of that name on a trace.</summary>
    Expectation,

    /// <summary>Issue linked to a trace: <c>id</c>.</summary>
    Issue,
}

/// <summary>How a comparison compares.</summary>
public enum MlflowOperator
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,

    /// <summary>Case-sensitive, with <c>%</c> and <c>_</c>.</summary>
    Like,

    /// <summary>Case-insensitive, with <c>%</c> and <c>_</c>.</summary>
    ILike,
    In,
    NotIn,
    IsNull,
    IsNotNull,

    /// <summary>Regular expression found anywhere in the text, case-sensitive (traces only).</summary>
    RLike,
}

/// <summary>One comparison of a filter. Exactly one of number, text and list is set; none for IS [NOT] NULL.</summary>
/// <param name="Key">Name of the metric, param or tag as written, or the canonical name of an attribute.</param>
public sealed record MlflowComparison(MlflowEntity Entity, string Key, MlflowOperator Operator)
{
    public double? Number { get; init; }

    public string? Text { get; init; }

    public IReadOnlyList<string>? List { get; init; }

    public bool Equals(MlflowComparison? other) =>
        other is not null && Entity == other.Entity && Key == other.Key && Operator == other.Operator
        && Number == other.Number && Text == other.Text && (List ?? []).SequenceEqual(other.List ?? []);

    public override int GetHashCode() => HashCode.Combine(Entity, Key, Operator, Number, Text);

    /// <summary>In the grammar, with the key quoted.</summary>
    public override string ToString()
    {
        var value = Number is { } number ? number.ToString("R", CultureInfo.InvariantCulture)
            : Text is { } text ? MlflowText.Quote(text)
            : List is { } list ? $"({string.Join(", ", list.Select(MlflowText.Quote))})"
            : "";
        return $"{MlflowText.Identifier(Entity, Key)} {MlflowText.Word(Operator)} {value}".TrimEnd();
    }
}

/// <summary>A parsed search filter: comparisons that must all hold.</summary>
public sealed record MlflowFilter(IReadOnlyList<MlflowComparison> Comparisons)
{
    /// <summary>Longest filter, in characters.</summary>
    public const int MaxLength = 65_536;

    /// <summary>Most comparisons.</summary>
    public const int MaxComparisons = 200;

    /// <summary>Most values of one IN list.</summary>
    public const int MaxListItems = 1_000;

    /// <summary>The filter that everything passes.</summary>
    public static MlflowFilter Empty { get; } = new([]);

    /// <summary>Parses a filter of run searches.</summary>
    /// <param name="text">For example <c>metrics.acc &gt; 0.9 AND params."learning rate" = '0.1'</c>; null or blank is <see cref="Empty"/>.</param>
    /// <exception cref="MlflowFilterException">Not in the grammar; the message says where and why.</exception>
    public static MlflowFilter Parse(string? text) => Parse(text, MlflowGrammar.Runs);

    /// <summary>Parses a filter of the searches whose grammar is given.</summary>
    /// <exception cref="MlflowFilterException">Not in the grammar; the message says where and why.</exception>
    public static MlflowFilter Parse(string? text, MlflowGrammar grammar) =>
        string.IsNullOrWhiteSpace(text) ? Empty : new MlflowFilterParser(text, grammar).Filter();

    public override string ToString() => string.Join(" AND ", Comparisons);
}

/// <summary>One key to order by. Missing values come last either way, NaN before them.</summary>
public sealed record MlflowOrder(MlflowEntity Entity, string Key, bool Descending)
{
    /// <summary>Most keys of one search.</summary>
    public const int MaxKeys = 50;

    /// <summary>Parses the <c>order_by</c> list of run searches.</summary>
    /// <exception cref="MlflowFilterException">A clause is not <c>KEY [ASC|DESC]</c> with an orderable key, or a key comes twice.</exception>
    public static IReadOnlyList<MlflowOrder> Parse(IReadOnlyList<string>? clauses) => Parse(clauses, MlflowGrammar.Runs);

    /// <inheritdoc cref="Parse(IReadOnlyList{string}?)"/>
    public static IReadOnlyList<MlflowOrder> Parse(IReadOnlyList<string>? clauses, MlflowGrammar grammar)
    {
        if (clauses is null)
            return [];
        if (clauses.Count > MaxKeys)
            throw new MlflowFilterException(0, $"At most {MaxKeys} keys can be ordered by, got {clauses.Count}.");
        var orders = new List<MlflowOrder>();
        foreach (var clause in clauses)
        {
            var order = new MlflowFilterParser(clause ?? "", grammar).Order();
            if (orders.Any(o => o.Entity == order.Entity && o.Key == order.Key))
                throw new MlflowFilterException(0, $"order_by names '{order.Key}' twice.");
            orders.Add(order);
        }

        return orders;
    }

    public override string ToString() => $"{MlflowText.Identifier(Entity, Key)} {(Descending ? "DESC" : "ASC")}";
}

/// <summary>A filter or order that is not in the grammar.</summary>
public sealed class MlflowFilterException : ProtocolFormatException
{
    public MlflowFilterException()
    {
    }

    public MlflowFilterException(string message)
        : base(message)
    {
    }

    public MlflowFilterException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <param name="position">Index of the first character that is wrong, from 0.</param>
    public MlflowFilterException(int position, string message)
        : base(message) => Position = position;

    /// <summary>Index of the first character that is wrong, from 0.</summary>
    public int Position { get; }
}

/// <summary>Writes pieces of the grammar.</summary>
internal static class MlflowText
{
    public static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    public static string Identifier(MlflowEntity entity, string key) => entity switch
    {
        MlflowEntity.Metric => $"metrics.{QuoteKey(key)}",
        MlflowEntity.Param => $"params.{QuoteKey(key)}",
        MlflowEntity.Tag => $"tags.{QuoteKey(key)}",
        MlflowEntity.Dataset => $"datasets.{QuoteKey(key)}",
        MlflowEntity.Metadata => $"metadata.{QuoteKey(key)}",
        MlflowEntity.Span => $"span.{QuoteKey(key)}",
        MlflowEntity.Feedback => $"feedback.{QuoteKey(key)}",
        MlflowEntity.Expectation => $"expectation.{QuoteKey(key)}",
        MlflowEntity.Issue => $"issue.{QuoteKey(key)}",
        MlflowEntity.Attribute when key == "text" => "trace.text",
        _ => key,
    };

    public static string Word(MlflowOperator op) => op switch
    {
        MlflowOperator.Equal => "=",
        MlflowOperator.NotEqual => "!=",
        MlflowOperator.Less => "<",
        MlflowOperator.LessOrEqual => "<=",
        MlflowOperator.Greater => ">",
        MlflowOperator.GreaterOrEqual => ">=",
        MlflowOperator.Like => "LIKE",
        MlflowOperator.ILike => "ILIKE",
        MlflowOperator.In => "IN",
        MlflowOperator.NotIn => "NOT IN",
        MlflowOperator.IsNull => "IS NULL",
        MlflowOperator.RLike => "RLIKE",
        _ => "IS NOT NULL",
    };

    private static string QuoteKey(string key) => key.Contains('`') ? $"\"{key}\"" : $"`{key}`";
}
