using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary><c>{{env.NAME}}</c> in a configuration.</summary>
internal static partial class PromptfooVariables
{
    public static IEnumerable<string> In(string text) => Plain().Matches(text).Select(m => m.Groups[1].Value);

    [GeneratedRegex(@"\{\{-?\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")]
    public static partial Regex Plain();
}
