using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Schemas;

/// <summary><c>${{ }}</c> in workflows: closed, in known contexts, with the properties that <c>github</c> and <c>runner</c> have.</summary>
internal static class GitHubExpressions
{
    private static readonly HashSet<string> Contexts = new(StringComparer.OrdinalIgnoreCase) { "github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs", "true", "false", "null", "nan", "infinity" };
    private static readonly HashSet<string> Functions = new(StringComparer.OrdinalIgnoreCase) { "contains", "startsWith", "endsWith", "format", "join", "toJSON", "fromJSON", "hashFiles", "success", "always", "cancelled", "failure", "case" };

    private static readonly Dictionary<string, HashSet<string>> Properties = new(StringComparer.OrdinalIgnoreCase)
    {
        ["github"] = new(StringComparer.OrdinalIgnoreCase)
        {
            "action", "action_path", "action_ref", "action_repository", "action_status", "actor", "actor_id", "api_url", "base_ref", "env", "event", "event_name", "event_path", "graphql_url", "head_ref", "job", "job_workflow_sha", "path", "ref", "ref_name",
            "ref_protected", "ref_type", "repository", "repository_id", "repository_owner", "repository_owner_id", "repository_visibility", "repositoryUrl", "retention_days", "run_attempt", "run_id", "run_number", "secret_source", "server_url", "sha", "token", "triggering_actor", "workflow", "workflow_ref",
            "workflow_sha", "workspace", "artifact_cache_size_limit", "output", "state", "step_summary",
        },
        ["runner"] = new(StringComparer.OrdinalIgnoreCase) { "name", "os", "arch", "temp", "tool_cache", "debug", "environment", "workspace" },
        ["strategy"] = new(StringComparer.OrdinalIgnoreCase) { "fail-fast", "job-index", "job-total", "max-parallel" },
    };

    public static void Check(YamlNode root, FaultList faults) => Walk(root, "", faults);

    private static void Walk(YamlNode node, string path, FaultList faults)
    {
        if (faults.IsFull) return;
        switch (node)
        {
            case YamlScalar scalar: CheckText(scalar, path, faults); break;
            case YamlSequence list:
                for (var i = 0; i < list.Items.Count; i++) Walk(list.Items[i], $"{path}[{i}]", faults);
                break;
            case YamlMapping mapping:
                foreach (var (key, value) in mapping.Entries)
                {
                    // An 'if' is an expression with or without the braces.
                    if (key.Text == "if" && value is YamlScalar { IsNull: false } condition && !condition.Text.Contains("${{", StringComparison.Ordinal)) CheckExpression(condition, condition.Text, Shape.At(path, "if"), faults);
                    else Walk(value, Shape.At(path, key.Text), faults);
                }
                break;
        }
    }

    private static void CheckText(YamlScalar scalar, string path, FaultList faults)
    {
        for (var at = 0; (at = scalar.Text.IndexOf("${{", at, StringComparison.Ordinal)) >= 0;)
        {
            var end = scalar.Text.IndexOf("}}", at, StringComparison.Ordinal);
            if (end < 0)
            {
                faults.Add(scalar, path, "An expression begins with '${{' and does not end.", "Close it with '}}'.");
                return;
            }
            CheckExpression(scalar, scalar.Text[(at + 3)..end], path, faults);
            at = end + 2;
        }
    }

    private static void CheckExpression(YamlScalar scalar, string expression, string path, FaultList faults)
    {
        var depth = 0;
        for (var i = 0; i < expression.Length;)
        {
            var c = expression[i];
            if (c == '\'')
            {
                var end = expression.IndexOf('\'', i + 1);
                if (end < 0)
                {
                    faults.Add(scalar, path, "A text in an expression does not end.", "Close it with a single quote.");
                    return;
                }
                i = end + 1; // a doubled quote is two texts side by side, which reads the same here
            }
            else if (char.IsAsciiLetter(c) || c == '_')
            {
                var chain = Chain(expression, ref i);
                if (!CheckChain(scalar, chain, Next(expression, i) == '(', path, faults)) return;
            }
            else if (c == '"')
            {
                faults.Add(scalar, path, "Texts in expressions stand in single quotes.", "Write '...' instead of \"...\".");
                return;
            }
            else
            {
                if (c is '(' or '[') depth++;
                if (c is ')' or ']') depth--;
                if (depth < 0) break;
                i++;
                // a property of what a call or index gives: not known here
                if (c is ')' or ']' && i < expression.Length && expression[i] == '.') Chain(expression, ref i);
                if (char.IsAsciiDigit(c)) while (i < expression.Length && (char.IsAsciiLetterOrDigit(expression[i]) || expression[i] == '.')) i++;
            }
        }
        if (depth != 0) faults.Add(scalar, path, "Brackets in an expression do not match.", "Close each '(' and '[' once.");
        else if (expression.Trim().Length == 0) faults.Add(scalar, path, "An expression is empty.", "Write one, such as ${{ github.sha }}.");
    }

    private static string Chain(string text, ref int i)
    {
        var start = i;
        while (i < text.Length && (char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '-' or '.' or '*')) i++;
        return text[start..i];
    }

    private static char Next(string text, int i) => text.AsSpan(i).TrimStart() is [var c, ..] ? c : '\0';

    private static bool CheckChain(YamlScalar scalar, string chain, bool isCall, string path, FaultList faults)
    {
        var parts = chain.Split('.');
        var allowed = isCall ? Functions : Contexts;
        if (!allowed.Contains(parts[0]))
        {
            faults.Add(scalar, path, $"'{ObjectReader.Shorten(parts[0])}' is no {(isCall ? "function" : "context")} of expressions.", (faults.IsFull ? null : Suggestion.Nearest(parts[0], allowed)) is { } near ? $"Did you mean '{near}'?" : $"Use one of {string.Join(", ", allowed)}.");
            return false;
        }
        if (!isCall && parts.Length > 1 && Properties.GetValueOrDefault(parts[0]) is { } known && parts[1] != "*" && !known.Contains(parts[1]))
        {
            faults.Add(scalar, path, $"'{parts[0]}' has no '{ObjectReader.Shorten(parts[1])}'.", (faults.IsFull ? null : Suggestion.Nearest(parts[1], known)) is { } near ? $"Did you mean '{parts[0]}.{near}'?" : "See the contexts in GitHub's documentation.");
            return false;
        }
        return true;
    }
}
