using System.Globalization;

namespace Pilothouse.Protocols.ChatTemplates;

/// <summary>A name that has no value: empty text, false, and the only thing that is not <c>defined</c>.</summary>
internal sealed class Undefined
{
    public static Undefined Instance { get; } = new();
}

/// <summary>Variables; a loop has a scope of its own, so that what it sets ends with it (Jinja's rule, and the reason for <c>namespace</c>).</summary>
internal sealed class JinjaScope(JinjaScope? parent = null)
{
    private readonly Dictionary<string, object?> _values = [];

    public object? Get(string name) => _values.TryGetValue(name, out var value) ? value : parent is null ? Undefined.Instance : parent.Get(name);

    public void Set(string name, object? value) => _values[name] = value;
}

internal abstract record Node
{
    public abstract void Render(JinjaScope scope, JinjaOutput output);
}

internal sealed record TextNode(Rope Text) : Node
{
    public override void Render(JinjaScope scope, JinjaOutput output) => output.Write(Text);
}

internal sealed record OutputNode(Expr Value) : Node
{
    public override void Render(JinjaScope scope, JinjaOutput output)
    {
        output.Step();
        output.Write(output.IsNunjucks ? Values.ToNunjucks(Value.Eval(scope)) : Values.ToRope(Value.Eval(scope)));
    }
}

internal sealed record IfNode(Expr Condition, IReadOnlyList<Node> Then, IReadOnlyList<Node> Otherwise) : Node
{
    public override void Render(JinjaScope scope, JinjaOutput output)
    {
        output.Step();
        foreach (var node in Values.IsTrue(Condition.Eval(scope)) ? Then : Otherwise) node.Render(scope, output);
    }
}

internal sealed record SetNode(string Name, string? Member, Expr Value) : Node
{
    public override void Render(JinjaScope scope, JinjaOutput output)
    {
        output.Step();
        var value = Value.Eval(scope);
        if (Member is null) scope.Set(Name, value);
        else if (scope.Get(Name) is Dictionary<string, object?> target) target[Member] = value;
        else throw new ProtocolFormatException($"The chat template sets a member of '{Name}', which is no namespace.");
    }
}

internal sealed record ForNode(string Variable, Expr Items, Expr? Filter, IReadOnlyList<Node> Body) : Node
{
    public override void Render(JinjaScope scope, JinjaOutput output)
    {
        if (Items.Eval(scope) is not List<object?> items) return;
        var chosen = Filter is null ? items : [.. items.Where(item => Values.IsTrue(Filter.Eval(Inner(scope, item))))];
        for (var i = 0; i < chosen.Count; i++)
        {
            output.Step();
            var inner = Inner(scope, chosen[i]);
            inner.Set("loop", new Dictionary<string, object?>
            {
                ["index"] = i + 1L,
                ["index0"] = (long)i,
                ["first"] = i == 0,
                ["last"] = i == chosen.Count - 1,
                ["length"] = (long)chosen.Count,
                ["previtem"] = i > 0 ? chosen[i - 1] : Undefined.Instance,
                ["nextitem"] = i + 1 < chosen.Count ? chosen[i + 1] : Undefined.Instance,
            });
            foreach (var node in Body) node.Render(inner, output);
        }
    }

    private JinjaScope Inner(JinjaScope scope, object? item)
    {
        var inner = new JinjaScope(scope);
        inner.Set(Variable, item);
        return inner;
    }
}

/// <summary>What Jinja's operators do with our few kinds of value.</summary>
internal static class Values
{
    private const int MaxText = 8 * 1024 * 1024;

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long n => n != 0,
        Rope r => r.Length > 0,
        List<object?> l => l.Count > 0,
        _ => true,
    };

    /// <summary>As Nunjucks writes values: nothing for none, booleans as JavaScript does, lists with commas.</summary>
    public static Rope ToNunjucks(object? value) => value switch
    {
        null => Rope.Empty,
        bool b => Rope.Of(b ? "true" : "false"),
        List<object?> list => Rope.Of(string.Join(',', list.Select(item => ToNunjucks(item).Text))),
        Dictionary<string, object?> => throw new ProtocolFormatException("The chat template writes an object as text, which is not supported."),
        _ => ToRope(value),
    };

    public static Rope ToRope(object? value) => value switch
    {
        Rope r => r,
        Undefined => Rope.Empty,
        null => Rope.Of("None"),
        bool b => Rope.Of(b ? "True" : "False"),
        long n => Rope.Of(n.ToString(CultureInfo.InvariantCulture)),
        _ => throw new ProtocolFormatException("The chat template writes a list or object as text, which is not supported."),
    };

    public static Rope Join(Rope left, Rope right) => left.Length + right.Length <= MaxText ? Rope.Join(left, right)
        : throw new ProtocolFormatException($"The chat template builds a text of more than {MaxText} characters.");

    public static new bool Equals(object? left, object? right) => (left, right) switch
    {
        (Rope a, Rope b) => a.Text == b.Text,
        (Undefined, null) or (null, Undefined) => false,
        _ => object.Equals(left, right),
    };
}
