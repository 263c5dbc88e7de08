using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>The values that our server gave to the placeholders of one recording.</summary>
internal sealed partial class Bindings
{
    // What a placeholder may stand for; any other kind takes text without white space.
    private static readonly Dictionary<string, string> Kinds = new()
    {
        ["experiment_id"] = @"\d+",
        ["run_id"] = @"[A-Za-z0-9][\w-]{0,255}",
        ["model_id"] = "m-[0-9a-f]{32}",
        ["artifact_uri"] = @"[a-z0-9+-]+:/\S+",
        ["page_token"] = @"\S+",
        ["name"] = @"\S+",
        ["timestamp"] = @"\d{13}",
        ["digest"] = @"\S+",
        ["server_version"] = @"\d+\.\d+\.\d+\S*",
        ["datetime"] = @"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)",
    };

    /// <summary>Match any value of their kind, and are never bound.</summary>
    private static readonly string[] Unnumbered = ["datetime", "digest", "server_version", "timestamp"];

    private Dictionary<string, string> _values = [];

    /// <summary>Tries a comparison; what it bound is forgotten when it fails.</summary>
    public bool Try(Func<bool> compare)
    {
        var before = new Dictionary<string, string>(_values);
        if (compare()) return true;
        _values = before;
        return false;
    }

    /// <exception cref="MismatchException">A placeholder has no value: the answer that should have produced it differed.</exception>
    public string Fill(string template) => Placeholder().Replace(template, match =>
    {
        var name = match.Groups[1].Value;
        name = name.StartsWith("int:", StringComparison.Ordinal) ? name[4..] : name;
        return _values.TryGetValue(name, out var value) ? value : throw new MismatchException($"the request needs ${{{name}}}, which no earlier answer has produced");
    });

    /// <summary>The JSON with its placeholders replaced, as text.</summary>
    public string FillJson(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(',', node.EnumerateObject().Select(p => JsonSerializer.Serialize(Fill(p.Name)) + ":" + FillJson(p.Value))) + "}",
        JsonValueKind.Array => "[" + string.Join(',', node.EnumerateArray().Select(FillJson)) + "]",
        JsonValueKind.String => node.GetString()!.StartsWith("${int:", StringComparison.Ordinal) ? Fill(node.GetString()!) : JsonSerializer.Serialize(Fill(node.GetString()!)),
        _ => node.GetRawText(),
    };

    /// <summary>Whether the text fits the template; placeholders met for the first time take their value from it.</summary>
    public bool Match(string template, string actual)
    {
        var pattern = new StringBuilder(@"\A");
        var fresh = new Dictionary<string, string>();
        var end = 0;
        foreach (Match found in Placeholder().Matches(template))
        {
            pattern.Append(Regex.Escape(template[end..found.Index]));
            end = found.Index + found.Length;
            pattern.Append(PatternOf(found.Groups[1].Value, fresh));
        }
        var match = Regex.Match(actual, pattern + Regex.Escape(template[end..]) + @"\z", RegexOptions.Singleline | RegexOptions.CultureInvariant);
        if (!match.Success) return false;
        foreach (var (name, group) in fresh) Bind(name, match.Groups[group].Value);
        return true;
    }

    private string PatternOf(string name, Dictionary<string, string> fresh)
    {
        var kind = name.Split(':')[0];
        if (_values.TryGetValue(name, out var value)) return Regex.Escape(value);
        if (Unnumbered.Contains(kind)) return Kinds[kind];
        if (fresh.TryGetValue(name, out var group)) return $@"\k<{group}>";
        fresh[name] = $"p{fresh.Count}";
        return $"(?<{fresh[name]}>{Kinds.GetValueOrDefault(kind, @"[^\s""]+")})";
    }

    private void Bind(string name, string value)
    {
        _values[name] = value;
        // The same place as a path below the artifact proxy.
        if (name.StartsWith("artifact_uri:", StringComparison.Ordinal)) _values[name.Replace("artifact_uri", "artifact_path", StringComparison.Ordinal)] = new Uri(value).AbsolutePath.TrimStart('/');
    }

    [GeneratedRegex(@"\$\{([a-z_]+(?::[a-z_]+)?(?::\d+)?)\}")]
    private static partial Regex Placeholder();
}

/// <summary>An answer that differs from the recording; the message says where and how.</summary>
internal sealed class MismatchException(string message) : Exception(message);
