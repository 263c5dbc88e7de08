using System.Globalization;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Schemas;

/// <summary>
/// What a YAML value may look like: a schema small enough to say in words what is wrong and what was meant. Merge keys (<c>&lt;&lt;</c>) count as the entries they bring.
/// </summary>
internal abstract class Shape
{
    public static readonly Shape Any = new AnyShape();
    public static readonly Shape Text = new ScalarShape("a text", _ => true);
    public static readonly Shape Flag = new ScalarShape("true or false", s => s is "true" or "false" or "True" or "False");
    public static readonly Shape Count = new ScalarShape("a whole number", s => long.TryParse(s, NumberStyles.Integer, CultureInfo.InvariantCulture, out _));
    public static readonly Shape Number = new ScalarShape("a number", s => double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
    /// <summary>For <c>other</c> of <see cref="Keys"/>: keys that are not known pass, unless they look like a slip of one that is.</summary>
    public static readonly Shape UnlessSlip = new AnyShape();
    public static readonly Shape Nothing = new NothingShape();
    /// <summary>An expression of GitHub's that gives a mapping.</summary>
    public static readonly Shape Expression = new ScalarShape("an expression such as ${{ fromJSON(...) }}", s => s.StartsWith("${{", StringComparison.Ordinal) && s.TrimEnd().EndsWith("}}", StringComparison.Ordinal), isStrict: true);
    public static readonly Shape TextOrTexts = Either(Text, List(Text));
    public static readonly Shape Variables = Map(Text);

    /// <summary>In the words of a message: "a list".</summary>
    public abstract string Expected { get; }

    public static Shape Word(params string[] allowed) => new WordShape(allowed);

    public static Shape List(Shape item, bool mayBeEmpty = true) => new ListShape(item, mayBeEmpty);

    public static Shape Map(Shape value) => new KeysShape([], [], value);

    public static Shape Keys(Dictionary<string, Shape> known, string[] required, Shape? other = null) => new KeysShape(known, required, other);

    /// <summary>The first that fits the kind of value decides.</summary>
    public static Shape Either(params Shape[] shapes) => new EitherShape(shapes);

    /// <summary>For shapes that contain themselves.</summary>
    public static Shape Later(Func<Shape> shape) => new LaterShape(shape);

    /// <summary>True when a value of this kind is meant, well-formed or not.</summary>
    public abstract bool Fits(YamlNode node);

    public abstract void Check(YamlNode node, string path, FaultList faults);

    public static string At(string path, string key) => path.Length == 0 ? ObjectReader.Shorten(key) : $"{path}.{ObjectReader.Shorten(key)}";

    /// <summary>The entries of a mapping with those that merge keys bring; its own win.</summary>
    public static List<YamlEntry> Entries(YamlMapping mapping)
    {
        var entries = mapping.Entries.Where(e => e.Key.Text != "<<").ToList();
        foreach (var merge in mapping.Entries.Where(e => e.Key.Text == "<<"))
            foreach (var source in merge.Value is YamlSequence list ? list.Items : [merge.Value])
                if (source is YamlMapping more) entries.AddRange(Entries(more).Where(m => entries.TrueForAll(e => e.Key.Text != m.Key.Text)));
        return entries;
    }

    public static YamlNode? Find(YamlNode? node, string key) => node is YamlMapping mapping ? Entries(mapping).LastOrDefault(e => e.Key.Text == key)?.Value : null;

    /// <summary>A text, or the texts of a list (lists in it included).</summary>
    public static IEnumerable<YamlScalar> Scalars(YamlNode? node) => node switch
    {
        YamlScalar { IsNull: false } scalar => [scalar],
        YamlSequence list => list.Items.SelectMany(Scalars),
        _ => [],
    };

    private void Unfit(YamlNode node, string path, FaultList faults) =>
        faults.Add(node, path, $"Expected {Expected}, found {node.Describe()}.", $"Write {Expected} here.");

    private sealed class AnyShape : Shape
    {
        public override string Expected => "a value";
        public override bool Fits(YamlNode node) => true;
        public override void Check(YamlNode node, string path, FaultList faults) { }
    }

    private sealed class NothingShape : Shape
    {
        public override string Expected => "nothing";
        public override bool Fits(YamlNode node) => node is YamlScalar { IsNull: true };

        public override void Check(YamlNode node, string path, FaultList faults)
        {
            if (!Fits(node)) Unfit(node, path, faults);
        }
    }

    private sealed class ScalarShape(string expected, Func<string, bool> accepts, bool isStrict = false) : Shape
    {
        public override string Expected => expected;
        public override bool Fits(YamlNode node) => node is YamlScalar { IsNull: false };

        public override void Check(YamlNode node, string path, FaultList faults)
        {
            // A variable or expression of the system's own may stand for any value.
            if (node is not YamlScalar { IsNull: false } scalar || !accepts(scalar.Text) && (isStrict || !scalar.Text.Contains("${{", StringComparison.Ordinal) && !scalar.Text.Contains("<<", StringComparison.Ordinal)))
                Unfit(node, path, faults);
        }
    }

    private sealed class WordShape(string[] allowed) : Shape
    {
        public override string Expected => allowed.Length == 1 ? $"'{allowed[0]}'" : $"one of {string.Join(", ", allowed)}";
        public override bool Fits(YamlNode node) => node is YamlScalar { IsNull: false };

        public override void Check(YamlNode node, string path, FaultList faults)
        {
            if (node is YamlScalar scalar && (allowed.Contains(scalar.Text, StringComparer.Ordinal) || scalar.Text.Contains("<<", StringComparison.Ordinal))) return;
            var nearest = node is YamlScalar { IsNull: false } word && !faults.IsFull ? Suggestion.Nearest(word.Text, allowed) : null;
            faults.Add(node, path, $"{Capital(node.Describe())} is not known here.", nearest is null ? $"Write {Expected}." : $"Did you mean '{nearest}'?");
        }
    }

    private sealed class ListShape(Shape item, bool mayBeEmpty) : Shape
    {
        public override string Expected => "a list";
        public override bool Fits(YamlNode node) => node is YamlSequence;

        public override void Check(YamlNode node, string path, FaultList faults)
        {
            if (node is not YamlSequence list) Unfit(node, path, faults);
            else if (list.Items.Count == 0 && !mayBeEmpty) faults.Add(node, path, "The list is empty.", "Add at least one entry.");
            else
                for (var i = 0; i < list.Items.Count && !faults.IsFull; i++) item.Check(list.Items[i], $"{path}[{i}]", faults);
        }
    }

    private sealed class KeysShape(Dictionary<string, Shape> known, string[] required, Shape? other) : Shape
    {
        public override string Expected => "a mapping";
        public override bool Fits(YamlNode node) => node is YamlMapping;

        public override void Check(YamlNode node, string path, FaultList faults)
        {
            if (node is not YamlMapping mapping)
            {
                Unfit(node, path, faults);
                return;
            }
            var entries = Entries(mapping);
            foreach (var twice in mapping.Entries.Where(e => e.Key.Text != "<<").GroupBy(e => e.Key.Text, StringComparer.Ordinal).Where(g => g.Count() > 1))
                faults.Add(twice.Last().Key, At(path, twice.Key), $"'{ObjectReader.Shorten(twice.Key)}' is given twice; only one of them counts.", "Keep one of them.");
            foreach (var (key, value) in entries)
            {
                if (faults.IsFull) return;
                if (known.TryGetValue(key.Text, out var shape)) shape.Check(value, At(path, key.Text), faults);
                else if (other is not null && other != UnlessSlip) other.Check(value, At(path, key.Text), faults);
                else
                {
                    var nearest = other == UnlessSlip && key.Text.Length < ShortestSlip ? null : Suggestion.Nearest(key.Text, known.Keys);
                    if (nearest is not null || other is null) faults.Add(key, At(path, key.Text), $"'{ObjectReader.Shorten(key.Text)}' is not a key of this place.", nearest is null ? $"It may have: {string.Join(", ", known.Keys)}." : $"Did you mean '{nearest}'?");
                }
            }
            foreach (var missing in required.Where(r => entries.TrueForAll(e => e.Key.Text != r)))
                faults.Add(node, At(path, missing), $"'{missing}' is missing.", $"Add {missing}: with {known[missing].Expected}.");
        }
    }

    private sealed class EitherShape(Shape[] shapes) : Shape
    {
        public override string Expected => string.Join(" or ", shapes.Select(s => s.Expected).Distinct());
        public override bool Fits(YamlNode node) => Array.Exists(shapes, s => s.Fits(node));

        public override void Check(YamlNode node, string path, FaultList faults)
        {
            if (Array.Find(shapes, s => s.Fits(node)) is { } fitting) fitting.Check(node, path, faults);
            else Unfit(node, path, faults);
        }
    }

    private sealed class LaterShape(Func<Shape> shape) : Shape
    {
        public override string Expected => shape().Expected;
        public override bool Fits(YamlNode node) => shape().Fits(node);
        public override void Check(YamlNode node, string path, FaultList faults) => shape().Check(node, path, faults);
    }

    private const int ShortestSlip = 4;

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
