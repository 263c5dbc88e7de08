using System.Buffers;
using System.Globalization;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>
/// Recursive-descent parser of MLflow's search grammar (MLflow itself leans on a general SQL tokenizer, hence the leniencies kept here: AND may
/// be missing, doubled, leading or trailing; a key may be quoted in three ways, or empty).
/// </summary>
internal sealed class MlflowFilterParser
{
    // Ends an unquoted key or value: white space (tested apart), operators, quotes and punctuation.
    private static readonly SearchValues<char> Stops = SearchValues.Create("=<>!,;()'\"`");

    private readonly string _text;
    private readonly MlflowGrammar _grammar;
    private int _at;

    public MlflowFilterParser(string text, MlflowGrammar grammar)
    {
        if (text.Length > MlflowFilter.MaxLength)
            throw new MlflowFilterException(MlflowFilter.MaxLength, $"The filter is longer than {MlflowFilter.MaxLength} characters.");
        (_text, _grammar) = (text, grammar);
    }

    /// <exception cref="MlflowFilterException">The message says where.</exception>
    public MlflowFilter Filter()
    {
        try
        {
            return new MlflowFilter(Comparisons());
        }
        catch (MlflowFilterException e) when (!e.Message.Contains("position", StringComparison.Ordinal))
        {
            throw new MlflowFilterException(e.Position, $"{e.Message.TrimEnd('.')} (at position {e.Position}).");
        }
    }

    public MlflowOrder Order()
    {
        SkipSpace();
        var (entity, key, start) = Identifier();
        SkipSpace();
        var direction = Word();
        SkipSpace();
        if (_at < _text.Length)
            throw Fault("An order_by clause is 'KEY [ASC|DESC]'");
        var descending = direction.ToUpperInvariant() switch
        {
            "" or "ASC" => false,
            "DESC" => true,
            _ => throw new MlflowFilterException(start, $"'{direction}' is neither ASC nor DESC."),
        };
        var orderable = entity == MlflowEntity.Attribute ? _grammar.OrderKeys.Contains(key)
            : _grammar.OrdersByEntity && entity != MlflowEntity.Dataset;
        if (!orderable)
            throw new MlflowFilterException(start, $"Invalid order by key '{key}'. Valid keys: {string.Join(", ", _grammar.OrderKeys.Order(StringComparer.Ordinal))}.");
        return new MlflowOrder(entity, entity == MlflowEntity.Attribute ? _grammar.Canonical(key) : key, descending);
    }

    private List<MlflowComparison> Comparisons()
    {
        var comparisons = new List<MlflowComparison>();
        for (SkipAnd(); _at < _text.Length; SkipAnd())
        {
            if (comparisons.Count == MlflowFilter.MaxComparisons)
                throw Fault($"The filter has more than {MlflowFilter.MaxComparisons} comparisons");
            comparisons.Add(Comparison());
        }
        return comparisons;
    }

    private MlflowComparison Comparison()
    {
        var (entity, key, start) = Identifier();
        if (entity == MlflowEntity.Attribute)
        {
            key = _grammar.Canonical(key);
            if (!_grammar.Attributes.ContainsKey(key))
                throw new MlflowFilterException(start, $"Invalid attribute key '{key}'. Valid keys: {string.Join(", ", _grammar.Attributes.Keys.Order(StringComparer.Ordinal))}.");
        }
        else if (entity == MlflowEntity.Dataset && key is not ("name" or "digest" or "context"))
        {
            throw new MlflowFilterException(start, $"Invalid dataset key '{key}'. Valid keys: name, digest, context.");
        }

        SkipSpace();
        var opStart = _at;
        var op = Operator(key);
        SkipSpace();
        return Value(new MlflowComparison(entity, key, op), opStart);
    }

    private MlflowComparison Value(MlflowComparison c, int opStart)
    {
        var kind = c.Entity switch
        {
            MlflowEntity.Metric => AttributeKind.Number,
            MlflowEntity.Dataset => AttributeKind.Id,
            MlflowEntity.Attribute => _grammar.Attributes[c.Key],
            _ => AttributeKind.Text,
        };
        var isNumber = kind is AttributeKind.Number or AttributeKind.LooseNumber;
        var isAllowed = _grammar.Rule is { } rule ? rule(c, kind) : c.Operator switch
        {
            MlflowOperator.RLike => false,
            MlflowOperator.Equal or MlflowOperator.NotEqual => true,
            MlflowOperator.Less or MlflowOperator.LessOrEqual or MlflowOperator.Greater or MlflowOperator.GreaterOrEqual => isNumber,
            MlflowOperator.Like or MlflowOperator.ILike => !isNumber,
            MlflowOperator.In or MlflowOperator.NotIn => kind == AttributeKind.Id,
            _ => c.Entity is MlflowEntity.Tag or MlflowEntity.Param,
        };
        if (!isAllowed)
            throw new MlflowFilterException(opStart, $"{MlflowText.Word(c.Operator)} cannot be used with the {c.Entity.ToString().ToLowerInvariant()} '{c.Key}'.");

        switch (c.Operator)
        {
            case MlflowOperator.IsNull or MlflowOperator.IsNotNull:
                return c;
            case MlflowOperator.In or MlflowOperator.NotIn:
                return c with { List = List() };
            default:
                if (isNumber && TryNumber() is { } number)
                    return c with { Number = number };
                if (kind == AttributeKind.Number)
                    throw Fault($"Expected a number to compare '{c.Key}' with");
                return c with { Text = Quoted() ?? throw Fault($"Expected a text in single or double quotes to compare '{c.Key}' with") };
        }
    }

    // metrics.acc | metrics.`a b` | metrics."a b" | tags.mlflow.user | status | `start_time`
    private (MlflowEntity Entity, string Key, int Start) Identifier()
    {
        var start = _at;
        if (_at < _text.Length && _text[_at] is '`' or '"')
            return (MlflowEntity.Attribute, Quoted()!, start);
        var word = Word();
        if (word.Length == 0)
            throw Fault("Expected a key such as metrics.accuracy, params.lr, tags.team or status");

        var dot = word.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            if (word.ToUpperInvariant() is "OR" or "NOT")
                throw new MlflowFilterException(start, $"{word.ToUpperInvariant()} is not supported: comparisons can only be joined by AND.");
            if (_grammar.NeedPrefix.Contains(word))
                throw new MlflowFilterException(start, $"Write '{word}' with its prefix: trace.{word}.");
            return (MlflowEntity.Attribute, word, start);
        }

        var prefix = word[..dot];
        if (!_grammar.Prefixes.TryGetValue(prefix, out var entity))
            throw new MlflowFilterException(start, $"Invalid entity type '{prefix}'. Valid ones: {string.Join(", ", _grammar.Prefixes.Keys.Order(StringComparer.Ordinal))}.");
        var key = word[(dot + 1)..];
        return (entity, key.Length == 0 && _at < _text.Length && _text[_at] is '`' or '"' or '\'' ? Quoted()! : key, start);
    }

    private MlflowOperator Operator(string key)
    {
        var start = _at;
        while (_at < _text.Length && _text[_at] is '=' or '<' or '>' or '!')
            _at++;
        var symbol = _text[start.._at];
        if (symbol.Length > 0)
        {
            return symbol switch
            {
                "=" => MlflowOperator.Equal,
                "!=" => MlflowOperator.NotEqual,
                "<" => MlflowOperator.Less,
                "<=" => MlflowOperator.LessOrEqual,
                ">" => MlflowOperator.Greater,
                ">=" => MlflowOperator.GreaterOrEqual,
                _ => throw new MlflowFilterException(start, $"Invalid comparator '{symbol}'. Valid ones: = != < <= > >= LIKE ILIKE IN."),
            };
        }

        var words = Word().ToUpperInvariant();
        if (words is "NOT" or "IS")
        {
            SkipSpace();
            words += " " + Word().ToUpperInvariant();
        }

        if (words == "IS NOT")
        {
            SkipSpace();
            words += " " + Word().ToUpperInvariant();
        }

        return words switch
        {
            "LIKE" => MlflowOperator.Like,
            "ILIKE" => MlflowOperator.ILike,
            "RLIKE" => MlflowOperator.RLike,
            "IN" => MlflowOperator.In,
            "NOT IN" => MlflowOperator.NotIn,
            "IS NULL" => MlflowOperator.IsNull,
            "IS NOT NULL" => MlflowOperator.IsNotNull,
            _ => throw new MlflowFilterException(start, $"Expected a comparison after '{key}' at position {start}, such as = 'text' or > 0.5."),
        };
    }

    private List<string> List()
    {
        if (_at >= _text.Length || _text[_at] != '(')
            throw Fault("Expected a list such as ('a', 'b')");
        var items = new List<string>();
        do
        {
            _at++;
            SkipSpace();
            if (items.Count == MlflowFilter.MaxListItems)
                throw Fault($"The list has more than {MlflowFilter.MaxListItems} values");
            items.Add((_at < _text.Length && _text[_at] is '\'' or '"' ? Quoted() : null) ?? throw Fault("Expected a text in quotes"));
            SkipSpace();
        }
        while (_at < _text.Length && _text[_at] == ',');
        if (_at >= _text.Length || _text[_at] != ')')
            throw Fault("Expected ',' or ')'");
        _at++;
        return items;
    }

    /// <summary>A text in quotes, in which the quote itself is written twice; null when there is no quote here.</summary>
    private string? Quoted()
    {
        if (_at >= _text.Length || _text[_at] is not ('\'' or '"' or '`'))
            return null;
        var quote = _text[_at];
        var start = _at;
        var text = new System.Text.StringBuilder();
        for (_at++; _at < _text.Length; _at++)
        {
            if (_text[_at] != quote)
                text.Append(_text[_at]);
            else if (_at + 1 < _text.Length && _text[_at + 1] == quote)
                text.Append(_text[_at++]);
            else
            {
                _at++;
                return text.ToString();
            }
        }

        throw new MlflowFilterException(start, $"The quote {quote} at position {start} is not closed.");
    }

    private double? TryNumber()
    {
        var start = _at;
        var word = Word();
        if (word.Length > 0
            && (char.IsAsciiDigit(word[0]) || word[0] is '+' or '-' or '.')
            && double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && double.IsFinite(value))
        {
            return value;
        }

        _at = start;
        return null;
    }

    private string Word()
    {
        var start = _at;
        while (_at < _text.Length && !char.IsWhiteSpace(_text[_at]) && !Stops.Contains(_text[_at]))
            _at++;
        return _text[start.._at];
    }

    private void SkipAnd()
    {
        while (true)
        {
            SkipSpace();
            var start = _at;
            if (!Word().Equals("AND", StringComparison.OrdinalIgnoreCase))
            {
                _at = start;
                return;
            }
        }
    }

    private void SkipSpace()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }

    private MlflowFilterException Fault(string what) =>
        new(_at, _at < _text.Length ? $"{what} at position {_at}, found '{_text[_at]}'." : $"{what} at the end of '{(_text.Length <= 80 ? _text : "..." + _text[^77..])}'.");
}
