using System.Security.Cryptography;
using System.Text.Json;
using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// A suite of a promptfoo configuration beside the same provider and prompt at the base line. Both answer the candidate's tests, also when the tests changed:
/// the verdict is promptfoo's own, that every test passes, and the comparison only shows what is new and what is mended.
/// </summary>
internal static class PromptfooComparison
{
    /// <summary>Tests named in a note.</summary>
    private const int MaxNamed = 5;

    public static SuitePlan With(SuitePlan suite, PromptfooSide side, PromptfooProvider provider, PromptfooPrompt prompt, PromptfooSide before)
    {
        SuitePlan Noted(params string[] notes) => suite with { Notes = [.. suite.Notes, .. notes] };
        var at = $"the base line {ProjectContent.Short(before.Commit)}";
        // The same provider by its label, or the only one: another model in its place is what is to be compared.
        var found = before.Providers.Where(p => p.Provider.Label == provider.Label).Concat(before.Providers is [var only] && side.Providers.Count == 1 ? [only] : []).Take(1).ToArray();
        var same = before.Config.Prompts.FirstOrDefault(p => p.Label == prompt.Label) ?? (before.Config.Prompts is [var single] && side.Config.Prompts.Count == 1 ? single : null);
        if (found is not [var other] || same is null) return Noted($"Nothing is compared: {at} has no {(found.Length == 0 ? $"provider '{provider.Label}'" : $"prompt '{prompt.Label}'")}.");
        try
        {
            return Noted([.. Changes(side, before, at)]) with
            {
                Baseline = PromptfooPlanner.Prompted(other.Subject, same),
                BaselineCases = [.. side.Config.Tests.Select(t => PromptfooPlanner.Case(before.Path, t, other.Provider, same))],
                BaselineTools = other.Provider.Tools,
            };
        }
        catch (PilothouseException e)
        {
            return Noted($"Nothing is compared: the tests cannot be put to the prompt of {at} ({e.Message})");
        }
    }

    private static IEnumerable<string> Changes(PromptfooSide side, PromptfooSide before, string at)
    {
        if (side.Config.Repeat != before.Config.Repeat) yield return $"Each test was asked {before.Config.Repeat} times at {at}, now {side.Config.Repeat} times: both are asked as now.";
        if (side.TestsDigest == before.TestsDigest) yield break;
        var (now, then) = (side.Config.Tests.ToDictionary(t => t.Id, t => Written(t), StringComparer.Ordinal), before.Config.Tests.ToDictionary(t => t.Id, t => Written(t), StringComparer.Ordinal));
        string[] changed = [.. now.Keys.Where(id => then.TryGetValue(id, out var old) && old != now[id])], added = [.. now.Keys.Where(id => !then.ContainsKey(id))], gone = [.. then.Keys.Where(id => !now.ContainsKey(id))];
        var said = string.Join("; ", new[] { Named("changed", changed), Named("new", added), Named("gone", gone) }.OfType<string>());
        yield return $"The tests changed since {at}: {(said.Length == 0 ? "their order" : said)}. Both models were run on the tests as they are now.";
    }

    private static string? Named(string what, string[] ids) => ids.Length == 0 ? null : $"{ids.Length} {what} ({string.Join(", ", ids.Take(MaxNamed))}{(ids.Length > MaxNamed ? ", ..." : "")})";

    /// <summary>What the tests ask and expect, without the lines where they stand.</summary>
    public static string Digest(IReadOnlyList<PromptfooTest> tests) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(tests.Select(Written))));

    private static string Written(PromptfooTest test) => JsonSerializer.Serialize(new { test.Id, test.Vars, test.Threshold, test.Prefix, test.Suffix, Assertions = test.Assertions.Select(Written) });

    private static string Written(PromptfooAssertion one) => JsonSerializer.Serialize(new
    {
        one.Type,
        one.IsInverse,
        one.Value,
        one.Threshold,
        one.Weight,
        Parts = one.Parts.Select(Written),
        Provider = one.Provider is not { } p ? null : (object)new { p.Id, p.Url, p.Model, p.Parameters },
    });
}
