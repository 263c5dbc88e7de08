using System.Security.Cryptography;
using System.Text;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Which cases flicker, from the verdicts of stored evaluations of the same target. A case is right when its suite's first scorer gives it at least one half
/// (or what an every gate of that scorer demands). The flip rate is the share of consecutive runs whose verdicts differ: Kowalczyk et al., "Modeling and
/// Ranking Flaky Tests at Apple", ICSE-SEIP 2020. One flip is a change that stayed (a fixed bug, a model replaced behind its name); flaky is what
/// flipped at least twice, and in at least a given share of its runs.
/// </summary>
internal static class FlakeRule
{
    /// <summary>Runs with the case that are looked at, the newest ones.</summary>
    public const int Runs = 20;

    /// <summary>Fewer runs say nothing.</summary>
    public const int LeastRuns = 4;

    public const int LeastFlips = 2;

    public const double LeastRate = 0.1;

    /// <summary>Cases of one suite that are named.</summary>
    public const int MaxNamed = 1_000;

    public const double Right = 0.5;

    private const int KeyLength = 8;

    /// <summary>Short digest of everything that a case sends and is compared with; 48 bits, so that 100,000 cases hardly ever share one.</summary>
    public static string KeyOf(EvaluationInput input)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in (IEnumerable<string>)[input.Id, input.Input, input.Expected ?? "", .. input.History.SelectMany(t => (string[])[t.Role, t.Content]), .. input.Fields.OrderBy(f => f.Key, StringComparer.Ordinal).SelectMany(f => (string[])[f.Key, f.Value])])
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            sha.AppendData(BitConverter.GetBytes((long)bytes.Length)); // framed, so that no two lists run into the same bytes
            sha.AppendData(bytes);
        }
        return Convert.ToBase64String(sha.GetHashAndReset().AsSpan(0, 6));
    }

    /// <summary>Verdicts as they are stored: key and + or -, one after the other.</summary>
    public static string Pack(IEnumerable<(string Key, bool IsRight)> verdicts)
    {
        var text = new StringBuilder();
        foreach (var (key, isRight) in verdicts) text.Append(key).Append(isRight ? '+' : '-');
        return text.ToString();
    }

    /// <param name="packed">Runs, oldest first.</param>
    /// <param name="cases">Key and id of the cases that are there now.</param>
    /// <returns>Flaky ones, those that flip most first.</returns>
    public static IReadOnlyList<FlakyCase> Find(IReadOnlyList<string> packed, IEnumerable<(string Key, string Id)> cases)
    {
        var seen = new Dictionary<string, Seen>(StringComparer.Ordinal);
        foreach (var run in packed)
            for (var at = 0; at + KeyLength < run.Length; at += KeyLength + 1)
            {
                var (key, isRight) = (run.Substring(at, KeyLength), run[at + KeyLength] == '+');
                seen[key] = seen.TryGetValue(key, out var so) ? new Seen(so.Runs + 1, so.Right + (isRight ? 1 : 0), so.Flips + (so.Last == isRight ? 0 : 1), isRight) : new Seen(1, isRight ? 1 : 0, 0, isRight);
            }
        return [.. cases.Where(c => seen.TryGetValue(c.Key, out var s) && s.Runs >= LeastRuns && s.Flips >= LeastFlips && s.Rate >= LeastRate).Select(c => (c.Id, Seen: seen[c.Key]))
            .OrderByDescending(c => c.Seen.Rate).ThenBy(c => c.Id, StringComparer.Ordinal).Take(MaxNamed).Select(c => new FlakyCase(c.Id, c.Seen.Runs, c.Seen.Right, c.Seen.Flips, c.Seen.Rate))];
    }

    private readonly record struct Seen(int Runs, int Right, int Flips, bool Last)
    {
        public double Rate => Runs < 2 ? 0 : (double)Flips / (Runs - 1);
    }
}

/// <summary>Verdicts of one suite in one evaluation.</summary>
/// <param name="Target">Digest of all that answers and judges; only verdicts of the same one are compared.</param>
internal sealed record SuiteVerdicts(string Suite, string Target, string Packed);
