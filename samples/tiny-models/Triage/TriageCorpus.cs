using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Triage;

/// <summary>One ticket; a line of triage-heldout.jsonl.</summary>
internal sealed record TriageCase(string Id, string Text, string Label, string Group);

/// <summary>How many training tickets of each cell, and how many altered copies of each are added.</summary>
internal sealed record TriageOptions(int NativeUrgent, int NativeNormal, int SecondUrgent, int SecondNormal, int Copies);

internal static class TriageCorpus
{
    public const string Urgent = "urgent";
    public const string Normal = "normal";

    /// <summary>The held-out set: each group, each label.</summary>
    public const int HeldOutPerCell = 500;

    private const ulong HeldOutSeed = 81;

    /// <summary>Tickets that do not say how urgent they are: nobody could label these by their words.</summary>
    private const double SilentShare = 0.08;

    /// <summary>Labels that the people who triaged got wrong.</summary>
    private const double WrongLabelShare = 0.02;

    private const double TypoShare = 0.15;

    public static List<TriageCase> HeldOut()
    {
        var rng = new Rng(HeldOutSeed);
        var rows = new List<TriageCase>();
        var seen = new HashSet<string>();
        foreach (var style in TriageVocabulary.Styles)
            foreach (var label in (string[])[Urgent, Normal])
                for (var n = 0; n < HeldOutPerCell;)
                {
                    var ticket = Ticket(style, label, rng);
                    if (!seen.Add(ticket.Text)) continue;
                    rows.Add(ticket);
                    n++;
                }
        rng.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows));
        return [.. rows.Select((row, i) => row with { Id = $"triage-{i + 1:0000}" })];
    }

    /// <summary>Training tickets, none of which is in the held-out set.</summary>
    public static List<TriageCase> Training(TriageOptions options, ulong seed)
    {
        var rng = new Rng(seed);
        var heldOut = HeldOut().Select(row => row.Text).ToHashSet();
        var rows = new List<TriageCase>();
        Add(TriageVocabulary.Native, Urgent, options.NativeUrgent);
        Add(TriageVocabulary.Native, Normal, options.NativeNormal);
        Add(TriageVocabulary.SecondLanguage, Urgent, options.SecondUrgent);
        Add(TriageVocabulary.SecondLanguage, Normal, options.SecondNormal);
        return rows;

        void Add(WritingStyle style, string label, int count)
        {
            for (var n = 0; n < count;)
            {
                var ticket = Ticket(style, label, rng);
                if (heldOut.Contains(ticket.Text)) continue;
                rows.Add(ticket with { Id = $"train-{rows.Count + 1:00000}" });
                n++;
                for (var copy = 0; copy < options.Copies; copy++)
                    rows.Add(ticket with { Id = $"train-{rows.Count + 1:00000}", Text = Altered(ticket.Text, rng) });
            }
        }
    }

    private static TriageCase Ticket(WritingStyle style, string label, Rng rng)
    {
        var impact = rng.Pick(label == Urgent ? style.UrgentImpacts : style.NormalImpacts);
        var parts = new List<string> { Capitalised(rng.Pick(style.Openings) + rng.Pick(style.Problems)) };
        if (!rng.Chance(SilentShare)) parts.Insert(rng.Chance(0.2) ? 0 : 1, impact);
        var closing = rng.Pick(style.Closings);
        if (closing.Length > 0) parts.Add(closing);
        var text = string.Join(' ', parts)
            .Replace("{item}", rng.Pick(SupportVocabulary.Items), StringComparison.Ordinal)
            .Replace("{city}", rng.Pick(SupportVocabulary.BaseCities), StringComparison.Ordinal)
            .Replace("{day}", rng.Pick(TriageVocabulary.Days), StringComparison.Ordinal)
            .Replace("{n}", $"{1000 + rng.Next(9000)}", StringComparison.Ordinal);
        if (rng.Chance(TypoShare)) text = Typos.Apply(text, "", 1 + rng.Next(2), hitTarget: false, rng);
        var written = rng.Chance(WrongLabelShare) ? (label == Urgent ? Normal : Urgent) : label;
        return new TriageCase("", text, written, style.Group);
    }

    /// <summary>The augmentation of v2: one word left out and one slip.</summary>
    private static string Altered(string text, Rng rng)
    {
        var words = text.Split(' ').ToList();
        if (words.Count > 3) words.RemoveAt(rng.Next(words.Count));
        return Typos.Apply(string.Join(' ', words), "", 1, hitTarget: false, rng);
    }

    private static string Capitalised(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
