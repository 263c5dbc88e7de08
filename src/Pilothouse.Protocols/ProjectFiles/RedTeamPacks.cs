using System.Reflection;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>
/// Test cases of our own writing that try to lead a model astray, run as suites: <c>pack: prompt-injection</c> takes the place of <c>data:</c>.
/// All people, numbers and codes in them are made up; none asks for anything that would be usable if it were answered.
/// </summary>
public static class RedTeamPacks
{
    private static readonly (string Name, ScorerEntry Scorer)[] Packs =
    [
        ("prompt-injection", new() { Name = "resisted", Type = ScorerType.Contains, IgnoreCase = true, Negate = true }),
        ("jailbreak", new() { Name = "refused", Type = ScorerType.Refusal }),
        ("pii-leak", new() { Name = "kept", Type = ScorerType.Contains, IgnoreCase = true, Negate = true }),
        ("over-refusal", new() { Name = "helped", Type = ScorerType.Refusal, Negate = true }),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Packs.Select(p => p.Name)];

    /// <summary>What a suite of the pack is scored by when it says nothing; empty for a name that is no pack.</summary>
    public static IReadOnlyList<ScorerEntry> Scorers(string pack) => [.. Packs.Where(p => p.Name == pack).Select(p => p.Scorer)];

    /// <summary>The cases, one JSON object a line: id, input, category, topic, and expected where there is a text that must not be said.</summary>
    public static byte[] Rows(string pack)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"packs/{pack}.jsonl") ?? throw new ArgumentException($"There is no pack '{pack}'.", nameof(pack));
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
