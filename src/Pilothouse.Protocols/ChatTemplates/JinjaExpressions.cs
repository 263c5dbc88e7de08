namespace Pilothouse.Protocols.ChatTemplates;

internal abstract record Expr
{
    public abstract object? Eval(JinjaScope scope);
}

internal sealed record ConstantExpr(object? Value) : Expr
{
    public override object? Eval(JinjaScope scope) => Value;
}

internal sealed record NameExpr(string Name) : Expr
{
    public override object? Eval(JinjaScope scope) => scope.Get(Name);
}

internal sealed record ListExpr(IReadOnlyList<Expr> Items) : Expr
{
    public override object? Eval(JinjaScope scope) => Items.Select(item => item.Eval(scope)).ToList();
}

internal sealed record NamespaceExpr(IReadOnlyList<(string Name, Expr Value)> Members) : Expr
{
    public override object? Eval(JinjaScope scope) => Members.ToDictionary(m => m.Name, m => m.Value.Eval(scope));
}

internal sealed record RaiseExpr(IReadOnlyList<Expr> Arguments) : Expr
{
    public override object? Eval(JinjaScope scope) =>
        throw new ProtocolFormatException($"The model's chat template refuses these messages: {(Arguments.Count > 0 ? Values.ToRope(Arguments[0].Eval(scope)).Text : "no reason given")}");
}

internal sealed record NotExpr(Expr Inner) : Expr
{
    public override object? Eval(JinjaScope scope) => !Values.IsTrue(Inner.Eval(scope));
}

internal sealed record ChoiceExpr(Expr Condition, Expr Then, Expr Otherwise) : Expr
{
    public override object? Eval(JinjaScope scope) => (Values.IsTrue(Condition.Eval(scope)) ? Then : Otherwise).Eval(scope);
}

internal sealed record BinaryExpr(string Operator, Expr Left, Expr Right) : Expr
{
    public override object? Eval(JinjaScope scope)
    {
        var left = Left.Eval(scope);
        if (Operator == "and") return Values.IsTrue(left) ? Right.Eval(scope) : left;
        if (Operator == "or") return Values.IsTrue(left) ? left : Right.Eval(scope);
        var right = Right.Eval(scope);
        return (Operator, left, right) switch
        {
            ("==", _, _) => Values.Equals(left, right),
            ("!=", _, _) => !Values.Equals(left, right),
            ("in", Rope needle, Rope hay) => hay.Text.Contains(needle.Text, StringComparison.Ordinal),
            ("in", _, List<object?> list) => list.Any(item => Values.Equals(item, left)),
            ("in", Rope key, Dictionary<string, object?> members) => members.ContainsKey(key.Text),
            ("in", _, _) => false,
            ("~", _, _) => Values.Join(Values.ToRope(left), Values.ToRope(right)),
            ("+", Rope a, Rope b) => Values.Join(a, b),
            (_, long a, long b) => Number(a, b),
            _ => throw new ProtocolFormatException($"The chat template uses '{Operator}' on values that do not fit it (an undefined one?)."),
        };
    }

    private object Number(long a, long b) => Operator switch
    {
        "+" => unchecked(a + b),
        "-" => unchecked(a - b),
        "*" => unchecked(a * b),
        "//" when b is not 0 and not -1 => a / b,
        "%" when b is not 0 and not -1 => (a % b + b) % b,
        "<" => a < b,
        ">" => a > b,
        "<=" => a <= b,
        ">=" => a >= b,
        _ => throw new ProtocolFormatException($"The chat template divides by {b}."),
    };
}

/// <summary><c>a['x']</c>, <c>a.x</c>, <c>a[0]</c>, <c>a[-1]</c>; a member that is not there is undefined.</summary>
internal sealed record MemberExpr(Expr Target, Expr Key) : Expr
{
    public override object? Eval(JinjaScope scope) => (Target.Eval(scope), Key.Eval(scope)) switch
    {
        (Dictionary<string, object?> members, Rope name) => members.TryGetValue(name.Text, out var value) ? value : Undefined.Instance,
        (List<object?> list, long index) => index < 0 ? At(list, list.Count + index) : At(list, index),
        (Undefined, _) => throw new ProtocolFormatException("The chat template reads a member of something undefined."),
        _ => Undefined.Instance,
    };

    private static object? At(List<object?> list, long index) => index >= 0 && index < list.Count ? list[(int)index] : Undefined.Instance;
}

internal sealed record SliceExpr(Expr Target, Expr? From, Expr? To) : Expr
{
    public override object? Eval(JinjaScope scope)
    {
        if (Target.Eval(scope) is not List<object?> list) throw new ProtocolFormatException("The chat template takes a slice of something that is no list, which is not supported.");
        var from = Bound(From, scope, list.Count, 0);
        var to = Bound(To, scope, list.Count, list.Count);
        return from >= to ? [] : list[from..to];
    }

    private static int Bound(Expr? bound, JinjaScope scope, int count, int absent) =>
        bound?.Eval(scope) is long value ? (int)Math.Clamp(value < 0 ? count + value : value, 0, count) : absent;
}

internal sealed record TestExpr(string Name, Expr Value) : Expr
{
    public static string Known(string name, Func<string, Exception> fault) =>
        name is "defined" or "undefined" or "none" or "string" or "mapping" or "iterable" or "sequence" or "true" or "false" ? name : throw fault($"the test 'is {name}', which is not supported");

    public override object? Eval(JinjaScope scope) => Value.Eval(scope) is var value && Name switch
    {
        "defined" => value is not Undefined,
        "undefined" => value is Undefined,
        "none" => value is null,
        "string" => value is Rope,
        "mapping" => value is Dictionary<string, object?>,
        "true" => value is true,
        "false" => value is false,
        _ => value is List<object?> or Rope or Dictionary<string, object?>,
    };
}

internal sealed record FilterExpr(string Name, Expr Value, IReadOnlyList<Expr> Arguments) : Expr
{
    public static string Known(string name, Func<string, Exception> fault) =>
        name is "trim" or "length" or "count" or "upper" or "lower" or "string" or "default" ? name : throw fault($"the filter '{name}', which is not supported");

    public override object? Eval(JinjaScope scope)
    {
        var value = Value.Eval(scope);
        return Name switch
        {
            "length" or "count" => value is List<object?> list ? list.Count : (long)Values.ToRope(value).Length,
            "default" => value is Undefined && Arguments.Count > 0 ? Arguments[0].Eval(scope) : value,
            "trim" => Values.ToRope(value).TrimStart().TrimEnd(),
            "upper" => Values.ToRope(value).Map(t => t.ToUpperInvariant()),
            "lower" => Values.ToRope(value).Map(t => t.ToLowerInvariant()),
            _ => Values.ToRope(value),
        };
    }
}

internal sealed record MethodExpr(string Name, Expr Target, IReadOnlyList<Expr> Arguments) : Expr
{
    public static string Known(string name, Func<string, Exception> fault) =>
        name is "strip" or "lstrip" or "rstrip" or "upper" or "lower" or "startswith" or "endswith" or "get" ? name : throw fault($"the method '{name}', which is not supported");

    public override object? Eval(JinjaScope scope)
    {
        var target = Target.Eval(scope);
        if (Name == "get")
            return target is Dictionary<string, object?> members && members.TryGetValue(Argument(0, scope), out var value) ? value : Arguments.Count > 1 ? Arguments[1].Eval(scope) : null;
        var text = Values.ToRope(target);
        if (Arguments.Count > 0 && Name.EndsWith("strip", StringComparison.Ordinal)) throw new ProtocolFormatException($"The chat template calls '{Name}' with characters, which is not supported.");
        return Name switch
        {
            "strip" => text.TrimStart().TrimEnd(),
            "lstrip" => text.TrimStart(),
            "rstrip" => text.TrimEnd(),
            "upper" => text.Map(t => t.ToUpperInvariant()),
            "lower" => text.Map(t => t.ToLowerInvariant()),
            "startswith" => text.Text.StartsWith(Argument(0, scope), StringComparison.Ordinal),
            _ => text.Text.EndsWith(Argument(0, scope), StringComparison.Ordinal),
        };
    }

    private string Argument(int index, JinjaScope scope) =>
        index < Arguments.Count ? Values.ToRope(Arguments[index].Eval(scope)).Text : throw new ProtocolFormatException($"The chat template calls '{Name}' without its argument.");
}
