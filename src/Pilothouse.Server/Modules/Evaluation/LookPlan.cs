using System.Security.Cryptography;
using System.Text;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>In which order the cases of a suite with looks are asked, and how many at each look.</summary>
/// <param name="Order">Positions of the cases: random, but always the same for the same cases; clusters stay together.</param>
/// <param name="Counts">Cases asked at each look, ascending, the last one all.</param>
internal sealed record LookPlan(int[] Order, int[] Counts)
{
    public static LookPlan Of(SuitePlan plan)
    {
        var seed = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes($"{plan.Name}\n{plan.Data.Digest}")));
        // Without clusters each case is one of its own.
        var groups = Enumerable.Range(0, plan.Cases.Count).GroupBy(i => plan.Cases[i].Cluster ?? $"case {i}").Select(g => g.ToArray()).ToArray();
        var random = new Xoshiro256(seed);
        for (var k = groups.Length - 1; k > 0; k--)
        {
            var other = random.NextInt(k + 1);
            (groups[k], groups[other]) = (groups[other], groups[k]);
        }
        var counts = new List<int>();
        foreach (var look in plan.Entry.Looks)
        {
            var (wanted, count) = ((int)Math.Ceiling(look * plan.Cases.Count), 0);
            foreach (var group in groups)
            {
                if (count >= wanted) break;
                count += group.Length;
            }
            if (counts.Count == 0 || count > counts[^1]) counts.Add(count);
        }
        return new LookPlan([.. groups.SelectMany(g => g)], [.. counts]);
    }

    /// <summary>Shares of the cases at the looks.</summary>
    public double[] Fractions => [.. Counts.Select(c => (double)c / Order.Length)];
}
