using System.Text.Json;

namespace Pilothouse.Statistics.Tests;

/// <summary>
/// Reference vectors of published libraries (../shared/golden/statistics). A test of a family runs every vector and must look at every
/// expected value of it: one that is not compared, nor named as left out, is a failure too.
/// </summary>
internal static class Golden
{
    public static string? Root { get; } = FindShared();

    public static void Check(string file, string family, Action<GoldenVector> check)
    {
        if (Root is null)
            Assert.Skip("../shared/golden/statistics is not there");
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "golden", "statistics", file + ".json")));
        var found = json.RootElement.GetProperty("families").EnumerateArray().Single(f => f.GetProperty("family").GetString() == family);
        var tolerance = found.GetProperty("tolerance").GetDouble();
        List<string> faults = [];
        var count = 0;
        foreach (var element in found.GetProperty("vectors").EnumerateArray())
        {
            var vector = new GoldenVector(element, tolerance);
            try
            {
                check(vector);
                faults.AddRange(vector.Faults());
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                faults.Add($"{vector.Id}: {e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n').FirstOrDefault()}");
            }
            count++;
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{file} {family}: {count} vectors");
        Assert.True(count > 0, "no vectors");
        Assert.True(faults.Count == 0, $"{faults.Count} faults in {count} vectors:\n" + string.Join("\n", faults.Take(20)));
    }

    private static string? FindShared()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (!File.Exists(Path.Combine(at.FullName, "pilothouse.slnx"))) continue;
            var shared = Path.Combine(at.FullName, "..", "shared");
            return Directory.Exists(Path.Combine(shared, "golden", "statistics")) ? shared : null;
        }
        return null;
    }
}

internal sealed class GoldenVector
{
    private readonly JsonElement _element;
    private readonly double _tolerance;
    private readonly HashSet<string> _open = [];
    private readonly List<string> _faults = [];

    public GoldenVector(JsonElement element, double tolerance)
    {
        _element = element;
        _tolerance = element.TryGetProperty("tolerance", out var own) ? own.GetDouble() : tolerance;
        Id = element.GetProperty("id").GetString()!;
        Leaves(element.GetProperty("expected"), "", _open);
    }

    public string Id { get; }

    public JsonElement Input => _element.GetProperty("input");

    public JsonElement Expected => _element.GetProperty("expected");

    public bool Has(string name) => Input.TryGetProperty(name, out _);

    public bool Expects(string path) => _open.Contains(path) || _open.Any(p => p.StartsWith(path + "/", StringComparison.Ordinal));

    public double Number(string name) => ToDouble(Find(name));

    public long Whole(string name) => Find(name).GetInt64();

    public string Text(string name) => Find(name).GetString()!;

    public double ParameterOr(string name, double otherwise) =>
        _element.TryGetProperty("parameters", out var p) && p.TryGetProperty(name, out var value) ? ToDouble(value) : otherwise;

    public void ExpectRow(string path, int row, double[] got)
    {
        for (var k = 0; k < got.Length; k++) Expect($"{path}/{row}/{k}", got[k]);
    }

    public double[] Numbers(string name) => [.. Find(name).EnumerateArray().Select(ToDouble)];

    public string[] Labels(string name) => [.. Find(name).EnumerateArray().Select(e => e.ToString())];

    public double[][] Table(string name) => [.. Find(name).EnumerateArray().Select(r => r.EnumerateArray().Select(ToDouble).ToArray())];

    /// <summary>Compares with the expected value at the path ("upper", "macro/precision", "matrix/0/1").</summary>
    public void Expect(string path, double got, double? tolerance = null)
    {
        _open.Remove(path);
        var at = Expected;
        foreach (var part in path.Split('/'))
            at = at.ValueKind == JsonValueKind.Array ? at[int.Parse(part)] : at.GetProperty(part);
        var want = ToDouble(at);
        var isClose = double.IsNaN(want) ? double.IsNaN(got)
            : double.IsInfinity(want) ? got == want
            : Math.Abs(got - want) <= (tolerance ?? _tolerance) * Math.Max(1, Math.Abs(want));
        if (!isClose) _faults.Add($"{Id} {path}: got {got:R}, expected {want:R}");
    }

    public void ExpectIfGiven(string path, double got)
    {
        if (_open.Contains(path)) Expect(path, got);
    }

    public void Expect(string path, IEnumerable<double> got)
    {
        var values = got.ToArray();
        var wanted = Expected;
        foreach (var part in path.Split('/')) wanted = wanted.GetProperty(part);
        if (wanted.GetArrayLength() != values.Length) _faults.Add($"{Id} {path}: got {values.Length} values, expected {wanted.GetArrayLength()}");
        else for (var k = 0; k < values.Length; k++) Expect($"{path}/{k}", values[k]);
    }

    /// <summary>Names an expected value that this library does not compute.</summary>
    public void LeaveOut(string path) => _open.RemoveWhere(p => p == path || p.StartsWith(path + "/", StringComparison.Ordinal));

    public IEnumerable<string> Faults() => _open.Count == 0 ? _faults : _faults.Append($"{Id}: not compared: {string.Join(", ", _open)}");

    public static double ToDouble(JsonElement e) => e.ValueKind switch
    {
        JsonValueKind.String => e.GetString() switch
        {
            "NaN" => double.NaN,
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            var other => throw new FormatException($"'{other}' is not a number"),
        },
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        JsonValueKind.Null => double.NaN,
        _ => e.GetDouble(),
    };

    private JsonElement Find(string name) =>
        Input.TryGetProperty(name, out var input) ? input : _element.GetProperty("parameters").GetProperty(name);

    private static void Leaves(JsonElement e, string path, HashSet<string> into)
    {
        switch (e.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var p in e.EnumerateObject()) Leaves(p.Value, path.Length == 0 ? p.Name : path + "/" + p.Name, into);
                break;
            case JsonValueKind.Array:
                var k = 0;
                foreach (var item in e.EnumerateArray()) Leaves(item, path + "/" + k++, into);
                break;
            default:
                into.Add(path);
                break;
        }
    }
}
