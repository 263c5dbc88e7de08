using System.Globalization;

namespace Pilothouse.Protocols.ChatTemplates;

/// <summary>Statements: for, if, set, output. Expressions by precedence: if-else, or, and, not, comparison, + - ~, * %, unary minus, postfix, filter.</summary>
internal sealed class JinjaParser(List<JinjaToken> tokens)
{
    private const int MaxDepth = 64;
    // A chain a+a+a+... is a tree as deep as it is long, and evaluation follows it: bounded, or a foreign file could end the process.
    private const int MaxOperators = 2000;
    private int _at;
    private int _depth;
    private int _operators;

    private JinjaToken Current => tokens[_at];

    public IReadOnlyList<Node> ParseAll()
    {
        var nodes = Body();
        if (Current.Kind != JinjaTokenKind.End) throw Fault($"'{tokens[_at + 1].Value}' without its beginning");
        return nodes;
    }

    private List<Node> Body()
    {
        Enter();
        var nodes = new List<Node>();
        while (Current.Kind != JinjaTokenKind.End)
        {
            var token = tokens[_at];
            if (token.Kind == JinjaTokenKind.BlockStart && tokens[_at + 1].Value is "endfor" or "endif" or "else" or "elif") break;
            _at++;
            if (token.Kind == JinjaTokenKind.Text) nodes.Add(new TextNode(Rope.Of(token.Value)));
            else if (token.Kind == JinjaTokenKind.OutputStart)
            {
                nodes.Add(new OutputNode(Expression()));
                Take(JinjaTokenKind.OutputEnd, "}}");
            }
            else nodes.Add(Statement());
        }
        _depth--;
        return nodes;
    }

    private Node Statement()
    {
        var name = TakeName();
        switch (name)
        {
            case "for":
                var variable = TakeName();
                if (Current.Value == ",") throw Fault("a loop over pairs, which is not supported");
                Keyword("in");
                var items = Or();
                var filter = Current.Value == "if" ? Skip(Expression) : null;
                CloseBlock();
                var body = Body();
                End("endfor");
                return new ForNode(variable, items, filter, body);
            case "if":
                return If();
            case "set":
                var target = TakeName();
                var member = Current.Value == "." ? Skip(TakeName) : null;
                if (Current.Value != "=") throw Fault("a 'set' block, which is not supported");
                var value = Skip(Expression);
                CloseBlock();
                return new SetNode(target, member, value);
            case "generation" or "endgeneration":
                CloseBlock();
                return new TextNode(Rope.Empty);
            default:
                throw Fault($"the statement '{name}', which is not supported");
        }
    }

    private IfNode If()
    {
        var condition = Expression();
        CloseBlock();
        var then = Body();
        if (Current.Kind != JinjaTokenKind.BlockStart) throw Fault("an 'if' without its 'endif'");
        _at++;
        var name = TakeName();
        if (name == "elif")
        {
            Enter();
            var nested = If();
            _depth--;
            return new IfNode(condition, then, [nested]);
        }
        if (name == "else")
        {
            CloseBlock();
            var otherwise = Body();
            End("endif");
            return new IfNode(condition, then, otherwise);
        }
        if (name != "endif") throw Fault($"'{name}' where 'endif' should be");
        CloseBlock();
        return new IfNode(condition, then, []);
    }

    private Expr Expression()
    {
        Enter();
        var value = Or();
        if (Current is { Kind: JinjaTokenKind.Name, Value: "if" })
        {
            _at++;
            var condition = Or();
            Expr otherwise = Current is { Kind: JinjaTokenKind.Name, Value: "else" } ? Skip(Expression) : new ConstantExpr(Undefined.Instance);
            value = new ChoiceExpr(condition, value, otherwise);
        }
        _depth--;
        return value;
    }

    private Expr Or() => LeftAssociative(And, "or");

    private Expr And() => LeftAssociative(Not, "and");

    private Expr Not()
    {
        if (Current is not { Kind: JinjaTokenKind.Name, Value: "not" }) return Comparison();
        Enter();
        var inner = Skip(Not);
        _depth--;
        return new NotExpr(inner);
    }

    private Expr Comparison()
    {
        var left = Sum();
        while (true)
        {
            var op = Current.Value;
            if (Current.Kind == JinjaTokenKind.Operator && op is "==" or "!=" or "<" or ">" or "<=" or ">=") left = new BinaryExpr(op, left, Skip(Sum));
            else if (Current is { Kind: JinjaTokenKind.Name, Value: "in" }) left = new BinaryExpr("in", left, Skip(Sum));
            else if (Current is { Kind: JinjaTokenKind.Name, Value: "not" } && tokens[_at + 1].Value == "in") { _at++; left = new NotExpr(new BinaryExpr("in", left, Skip(Sum))); }
            else if (Current is { Kind: JinjaTokenKind.Name, Value: "is" })
            {
                _at++;
                var negate = Current.Value == "not";
                if (negate) _at++;
                if (++_operators > MaxOperators) throw Fault($"more than {MaxOperators} operators");
                Expr test = new TestExpr(TestExpr.Known(TakeName(), Fault), left);
                left = negate ? new NotExpr(test) : test;
            }
            else return left;
        }
    }

    private Expr Sum() => LeftAssociative(Product, "+", "-", "~");

    private Expr Product() => LeftAssociative(Unary, "*", "%", "//");

    private Expr Unary()
    {
        if (Current is not { Kind: JinjaTokenKind.Operator, Value: "-" }) return Postfix();
        Enter();
        var inner = Skip(Unary);
        _depth--;
        return new BinaryExpr("-", new ConstantExpr(0L), inner);
    }

    private Expr Postfix()
    {
        var value = Primary();
        while (Current.Kind == JinjaTokenKind.Operator)
        {
            if (Current.Value == ".")
            {
                var name = Skip(TakeName);
                value = Current.Value == "(" ? new MethodExpr(MethodExpr.Known(name, Fault), value, Arguments()) : new MemberExpr(value, new ConstantExpr(Rope.Of(name)));
            }
            else if (Current.Value == "[") value = Skip(() => Index(value));
            else if (Current.Value == "|")
            {
                var name = Skip(TakeName);
                value = new FilterExpr(FilterExpr.Known(name, Fault), value, Current.Value == "(" ? Arguments() : []);
            }
            else break;
        }
        return value;
    }

    private Expr Index(Expr value)
    {
        var from = Current.Value == ":" ? null : Expression();
        if (Current.Value == ":")
        {
            _at++;
            var to = Current.Value == "]" ? null : Expression();
            Operator("]");
            return new SliceExpr(value, from, to);
        }
        Operator("]");
        return new MemberExpr(value, from!);
    }

    private Expr Primary()
    {
        var token = Current;
        _at++;
        switch (token.Kind)
        {
            case JinjaTokenKind.String: return new ConstantExpr(Rope.Of(token.Value));
            case JinjaTokenKind.Integer: return new ConstantExpr(long.Parse(token.Value, CultureInfo.InvariantCulture));
            case JinjaTokenKind.Operator when token.Value == "(":
                var inner = Expression();
                Operator(")");
                return inner;
            case JinjaTokenKind.Operator when token.Value == "[":
                return new ListExpr(Sequence("]"));
            case JinjaTokenKind.Name when token.Value is "true" or "True" or "false" or "False": return new ConstantExpr(token.Value is "true" or "True");
            case JinjaTokenKind.Name when token.Value is "none" or "None": return new ConstantExpr(null);
            case JinjaTokenKind.Name:
                return Current is { Kind: JinjaTokenKind.Operator, Value: "(" } ? Function(token.Value) : new NameExpr(token.Value);
            default:
                _at--;
                throw Fault($"'{token.Value}' where a value should be");
        }
    }

    private Expr Function(string name)
    {
        if (name == "namespace") return new NamespaceExpr(NamedArguments());
        if (name != "raise_exception") throw Fault($"the function '{name}', which is not supported");
        return new RaiseExpr(Arguments());
    }

    private List<Expr> Arguments()
    {
        Operator("(");
        return Sequence(")");
    }

    private List<(string Name, Expr Value)> NamedArguments()
    {
        Operator("(");
        var named = new List<(string, Expr)>();
        while (Current.Value != ")")
        {
            var name = TakeName();
            Operator("=");
            named.Add((name, Expression()));
            if (Current.Value == ",") _at++;
        }
        _at++;
        return named;
    }

    private List<Expr> Sequence(string end)
    {
        var items = new List<Expr>();
        while (Current is not { Kind: JinjaTokenKind.Operator } || Current.Value != end)
        {
            items.Add(Expression());
            if (Current.Value == ",") _at++;
            else if (Current.Value != end) throw Fault($"'{Current.Value}' where '{end}' should be");
        }
        _at++;
        return items;
    }

    private Expr LeftAssociative(Func<Expr> next, params string[] operators)
    {
        var left = next();
        while (Current.Kind is JinjaTokenKind.Operator or JinjaTokenKind.Name && operators.Contains(Current.Value)) left = new BinaryExpr(Current.Value, left, Skip(next));
        return left;
    }

    private T Skip<T>(Func<T> then)
    {
        if (++_operators > MaxOperators) throw Fault($"more than {MaxOperators} operators");
        _at++;
        return then();
    }

    private void Enter()
    {
        if (++_depth > MaxDepth) throw Fault($"more than {MaxDepth} levels");
    }

    private void End(string name)
    {
        if (Current.Kind != JinjaTokenKind.BlockStart || tokens[_at + 1].Value != name) throw Fault($"a block without its '{name}'");
        _at += 2;
        CloseBlock();
    }

    private void CloseBlock() => Take(JinjaTokenKind.BlockEnd, "%}");

    private void Keyword(string name)
    {
        if (TakeName() != name) throw Fault($"no '{name}' where it should be");
    }

    private void Operator(string value)
    {
        if (Current.Kind != JinjaTokenKind.Operator || Current.Value != value) throw Fault($"'{Current.Value}' where '{value}' should be");
        _at++;
    }

    private string TakeName() => Take(JinjaTokenKind.Name, "a name");

    private string Take(JinjaTokenKind kind, string expected)
    {
        if (Current.Kind != kind) throw Fault($"'{Current.Value}' where {expected} should be");
        return tokens[_at++].Value;
    }

    private ProtocolFormatException Fault(string what) => new($"The chat template has {what} (line {tokens[Math.Min(_at, tokens.Count - 1)].Line}).");
}
