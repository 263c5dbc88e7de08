using System.Text.RegularExpressions;

namespace Pilothouse.Client.Capture;

/// <summary>What must not be recorded with a run.</summary>
internal static partial class Secrets
{
    public const string Mask = "***";

    /// <summary><c>HF_TOKEN</c>, <c>AWS_SECRET_ACCESS_KEY</c>, <c>--db-password</c>, <c>api_key</c>: the name says that the value is secret.</summary>
    public static bool IsSecretName(string name) => SecretName().IsMatch(name);

    /// <summary>The value of a variable or argument, with what is secret in it masked.</summary>
    public static string Masked(string name, string value) => IsSecretName(name) ? Mask : MaskedText(value);

    /// <summary><c>https://user:secret@host/x</c> and texts with the form of a known kind of key lose the secret.</summary>
    public static string MaskedText(string text) => KnownKey().Replace(UserInfo().Replace(text, "$1" + Mask + "@"), Mask);

    /// <summary><c>https://user:secret@host/x.git</c> without user and password.</summary>
    public static string WithoutPassword(string remote) =>
        Uri.TryCreate(remote, UriKind.Absolute, out var uri) && uri.UserInfo.Length > 0 && uri.Scheme is "http" or "https" ? new UriBuilder(uri!) { UserName = "", Password = "" }.Uri.ToString() : UserInfo().Replace(remote, "$1" + Mask + "@");

    /// <summary><c>--api-key KEY</c>, <c>--api-key=KEY</c>, <c>API_KEY=KEY</c> and addresses with a password, masked.</summary>
    public static IReadOnlyList<string> MaskedCommand(IReadOnlyList<string> words)
    {
        var masked = new List<string>(words.Count);
        var next = false;
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (next && !word.StartsWith('-')) masked.Add(Mask);
            // One word alone: a longer text, as after sh -c, is no NAME=VALUE as a whole.
            else if (equals > 0 && !word.AsSpan(0, equals).ContainsAny(' ', '\n') && IsSecretName(word[..equals])) masked.Add(word[..(equals + 1)] + Mask);
            else masked.Add(MaskedText(Assignment().Replace(word, "$1" + Mask)));
            next = word.StartsWith('-') && equals < 0 && IsSecretName(word);
        }
        return masked;
    }

    // Not MAX_TOKENS or TOKENIZERS_PARALLELISM: TOKEN must end a part of the name.
    [GeneratedRegex(@"(?:^|[_\-.])(?:token|secret|passwd|password|passphrase|pwd|pat|auth|credentials?|cookie|apikey|dsn|signature)(?:$|[_\-.])|(?:api|access|private|secret|account|encryption|signing|ssh|license|shared)[_\-.]?key|connection[_\-.]?string|client[_\-.]?secret", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    // scheme://user:secret@
    [GeneratedRegex(@"([a-zA-Z][a-zA-Z0-9+.\-]*://)[^/\s@]+@")]
    private static partial Regex UserInfo();

    // export API_KEY=abc inside a script
    [GeneratedRegex(@"(\b[A-Za-z_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)[A-Za-z_]*=)(?:""[^""]*""|'[^']*'|\S+)", RegexOptions.IgnoreCase)]
    private static partial Regex Assignment();

    // Published forms: OpenAI/Anthropic sk-, Hugging Face hf_, GitHub ghp_ and github_pat_, GitLab glpat-, AWS AKIA, Slack xox, JSON web tokens.
    [GeneratedRegex(@"\b(?:sk-[A-Za-z0-9_\-]{16,}|hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{16,}|AKIA[A-Z0-9]{16}|xox[abprs]-[A-Za-z0-9\-]{10,}|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+)")]
    private static partial Regex KnownKey();
}
