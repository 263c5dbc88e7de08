using System.Text.Json;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>Reads what judges reply: one JSON object, bare or in a code fence. Anything else is a fault with its beginning quoted.</summary>
internal static class JudgeReply
{
    public const int Lowest = 1, Highest = 5;

    /// <summary><c>{"reason": "...", "grade": 4}</c></summary>
    public static (double? Grade, string? Error) Grade(string reply)
    {
        if (Object(reply) is not { } o) return (null, $"did not reply with a JSON object: {Shown(reply)}");
        if (!o.TryGetProperty("grade", out var grade) || grade.ValueKind != JsonValueKind.Number) return (null, $"replied without a number as 'grade': {Shown(reply)}");
        return grade.GetDouble() is >= Lowest and <= Highest and var value ? (value, null) : (null, $"gave a grade that is not between {Lowest} and {Highest}: {Shown(reply)}");
    }

    /// <summary><c>{"reason": "...", "better": "first"}</c>: 1 first, 0 second, 0.5 tie.</summary>
    public static (double? Choice, string? Error) Choice(string reply)
    {
        if (Object(reply) is not { } o) return (null, $"did not reply with a JSON object: {Shown(reply)}");
        return (o.TryGetProperty("better", out var better) && better.ValueKind == JsonValueKind.String ? better.GetString() : null) switch
        {
            "first" => (1, null),
            "second" => (0, null),
            "tie" => (0.5, null),
            _ => (null, $"did not say first, second or tie as 'better': {Shown(reply)}"),
        };
    }

    internal static JsonElement? Object(string reply)
    {
        var text = reply.Trim();
        if (text.StartsWith("```", StringComparison.Ordinal) && text.EndsWith("```", StringComparison.Ordinal) && text.IndexOf('\n', StringComparison.Ordinal) is > 0 and var line && line < text.Length - 3) text = text[(line + 1)..^3].Trim();
        return AssertionScorers.Parse(text) is { ValueKind: JsonValueKind.Object } o ? o : null;
    }

    internal static string Shown(string reply) => reply.ReplaceLineEndings(" ") is var line && line.Length > 120 ? $"'{line[..117]}...'" : $"'{line}'";
}
