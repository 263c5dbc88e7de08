using System.Collections;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Takes secrets out of what models say before anything is stored: keys of known forms, and the values of this server's own secret settings.</summary>
internal sealed class SecretMask(IEnumerable<string> own)
{
    public const string Mark = "[masked secret]";

    /// <summary>Shorter values would mask ordinary words.</summary>
    private const int ShortestOwn = 8;

    // OpenAI and Anthropic, GitHub, GitLab, AWS, Google, Slack, Hugging Face, npm, JSON Web Tokens, private keys.
    private static readonly Regex Known = new(
        "sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|A[KS]IA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}|xox[abprs]-[A-Za-z0-9-]{10,}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}"
        + "|eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{5,}|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*PRIVATE KEY-----)?",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static readonly string[] Names = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];

    private readonly string[] _own = [.. own.Where(v => v.Length >= ShortestOwn).Distinct(StringComparer.Ordinal).OrderByDescending(v => v.Length)];

    /// <summary>Of the environment and the configuration: the values whose names sound secret, paths and addresses aside.</summary>
    public static SecretMask Create(IConfiguration configuration)
    {
        var values = new List<string>();
        void Add(string name, string? value)
        {
            if (value is not null && Names.Any(n => name.Contains(n, StringComparison.OrdinalIgnoreCase)) && !value.StartsWith('/') && !value.Contains("://", StringComparison.Ordinal)) values.Add(value);
        }
        foreach (DictionaryEntry one in Environment.GetEnvironmentVariables()) Add((string)one.Key, one.Value as string);
        foreach (var (name, value) in configuration.AsEnumerable()) Add(name, value);
        // What files of a project may send somewhere is secret whatever it is called.
        foreach (var one in configuration.GetSection("Gateway:KeyVariables").GetChildren())
            if (Environment.GetEnvironmentVariable(one.Key) is { } value) values.Add(value);
        return new SecretMask(values);
    }

    public string Apply(string text)
    {
        if (text.Length == 0) return text;
        var masked = Known.Replace(text, Mark);
        foreach (var value in _own) masked = masked.Replace(value, Mark, StringComparison.Ordinal);
        return masked;
    }
}
