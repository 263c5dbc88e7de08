using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>
/// The cases of an HTML report as it carries them: one byte a case for the filters, and the texts in chunks of JSON, each deflated by itself and written as
/// base64. A browser inflates only the chunks it shows, and no text of a case stands in the page as markup.
/// </summary>
/// <param name="Chunks">Base64 of a raw deflate stream; a list of rows <c>[id, scores, base line's scores | 0, input, expected, candidate, base line, what scorers said]</c>, 0 = nothing.</param>
/// <param name="PerChunk">Cases of each chunk but the last.</param>
/// <param name="Marks">Of each case: outcome in the lowest two bits, then <see cref="Flags"/>.</param>
/// <param name="Runs">Position of a suite and how many of its cases follow each other.</param>
/// <param name="Length">Characters that were kept of one text.</param>
/// <param name="IsCut">Some text was longer.</param>
internal sealed record HtmlCaseChunks(IReadOnlyList<string> Chunks, int PerChunk, byte[] Marks, IReadOnlyList<int[]> Runs, int Length, bool IsCut)
{
    public static readonly string[] Outcomes = ["worsened", "improved", "same", "new"];

    public static readonly string[] Flags = ["no answer", "unstable", "in quarantine", "flaky", "no score"];

    /// <summary>Bytes of all chunks together, in the page.</summary>
    private const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Bytes of all chunks when they are inflated: what a browser holds once somebody searched all texts.</summary>
    private const int MaxInflated = 48 * 1024 * 1024;

    /// <summary>Bytes of one chunk, about: inflated and parsed within a few milliseconds.</summary>
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Cases of one page, of which a chunk holds a whole number.</summary>
    public const int PageSize = 50;

    private const int MaxPerChunk = 100 * PageSize, MaxId = 200;

    /// <summary>Characters kept of one text, tried in this order until everything fits.</summary>
    private static readonly int[] Lengths = [4_000, 2_000, 500, 200, 100, 40];

    // Nothing has to be escaped for HTML inside base64.
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public int Shown => Marks.Length;

    /// <summary>As much text of each case as fits; cases that did not change are the first to go.</summary>
    public static HtmlCaseChunks Of(EvaluationDetail evaluation, IReadOnlyList<EvaluationCase> cases)
    {
        var suites = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < evaluation.Suites.Count; i++) suites.TryAdd(evaluation.Suites[i].Name, i);
        var known = cases.Where(c => suites.ContainsKey(c.Suite)).ToArray();
        foreach (var length in Lengths)
            if (known.Sum(c => Size(c, length)) <= MaxInflated && Fitting(evaluation, suites, known, length) is { } all) return all;
        var kept = known.Select((c, i) => (Case: c, At: i)).OrderBy(c => c.Case.Outcome is "same" ? 1 : 0).ToList();
        for (var take = kept.Count * 3 / 4; ; take = take * 3 / 4)
            if (Fitting(evaluation, suites, [.. kept.Take(take).OrderBy(c => c.At).Select(c => c.Case)], Lengths[^1]) is { } some) return some;
    }

    private static HtmlCaseChunks? Fitting(EvaluationDetail evaluation, Dictionary<string, int> suites, EvaluationCase[] cases, int length)
    {
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer, Relaxed);
        var (ends, marks, runs, isCut) = (new int[cases.Length], new byte[cases.Length], new List<int[]>(), false);
        for (var i = 0; i < cases.Length; i++)
        {
            var suite = suites[cases[i].Suite];
            if (runs is [.., var last] && last[0] == suite) last[1]++;
            else runs.Add([suite, 1]);
            marks[i] = Mark(cases[i]);
            isCut |= Row(json, cases[i], evaluation.Suites[suite].Scorers, length);
            json.Flush();
            json.Reset();
            if (buffer.Length > MaxInflated) return null;
            ends[i] = (int)buffer.Length;
        }
        var perChunk = Math.Clamp((int)(ChunkBytes * (long)cases.Length / Math.Max(1, buffer.Length)) / PageSize * PageSize, PageSize, MaxPerChunk);
        var (chunks, bytes) = (new List<string>(), 0L);
        for (var first = 0; first < cases.Length; first += perChunk)
        {
            chunks.Add(Deflate(buffer.GetBuffer(), ends, first, Math.Min(first + perChunk, cases.Length)));
            if ((bytes += chunks[^1].Length) > MaxBytes) return null;
        }
        return new HtmlCaseChunks(chunks, perChunk, marks, runs, length, isCut);
    }

    private static string Deflate(byte[] rows, int[] ends, int first, int end)
    {
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (var i = first; i < end; i++)
            {
                deflate.Write(i == first ? "["u8 : ",\n"u8);
                var start = i == 0 ? 0 : ends[i - 1];
                deflate.Write(rows, start, ends[i] - start);
            }
            deflate.Write("]"u8);
        }
        return Convert.ToBase64String(packed.GetBuffer(), 0, (int)packed.Length);
    }

    private static byte Mark(EvaluationCase one)
    {
        // What this version does not know is no news, good or bad.
        var outcome = Array.IndexOf(Outcomes, one.Outcome) is >= 0 and var known ? known : 3;
        var lacksScore = one.Error is null && one.ScoreErrors is { Count: > 0 };
        return (byte)(outcome | (one.Error is null ? 0 : 4) | (one.Unstable is true ? 8 : 0) | (one.Quarantined is true ? 16 : 0) | (one.Flaky is true ? 32 : 0) | (lacksScore ? 64 : 0));
    }

    /// <returns>True when a text was cut.</returns>
    private static bool Row(Utf8JsonWriter json, EvaluationCase one, IReadOnlyList<ScorerResult> scorers, int length)
    {
        var isCut = false;
        void Text(string? text, int most)
        {
            if (text is null) json.WriteNumberValue(0);
            else if (text.Length <= most) json.WriteStringValue(text);
            else
            {
                isCut = true;
                json.WriteStringValue(text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)] + "…");
            }
        }
        void Scores(IReadOnlyDictionary<string, double>? scores)
        {
            if (scores is null)
            {
                json.WriteNumberValue(0);
                return;
            }
            json.WriteStartArray();
            foreach (var scorer in scorers)
                if (scores.TryGetValue(scorer.Name, out var score) && double.IsFinite(score)) json.WriteNumberValue(Math.Round(score, 4));
                else json.WriteNullValue();
            json.WriteEndArray();
        }
        json.WriteStartArray();
        Text(one.Id, MaxId);
        Scores(one.Scores);
        Scores(one.BaselineScores);
        Text(one.Input, length);
        Text(one.Expected, length);
        Text(one.Error is { } error ? $"(no answer: {error})" : one.Candidate, length);
        Text(one.BaselineError is { } fault ? $"(no answer: {fault})" : one.Baseline, length);
        Text(Said(one), length);
        json.WriteEndArray();
        return isCut;
    }

    /// <summary>Why there is no score, and what scorers say of the answer; a missing answer is told once.</summary>
    private static string? Said(EvaluationCase one)
    {
        var said = (one.ScoreErrors ?? new Dictionary<string, string>()).Where(e => e.Value != one.Error).Select(e => $"{e.Key}: no score: {e.Value}")
            .Concat((one.ScoreNotes ?? new Dictionary<string, string>()).Select(n => $"{n.Key}: {n.Value}")).ToArray();
        return said.Length == 0 ? null : string.Join('\n', said);
    }

    /// <summary>Less than a row takes, so that nothing is written that cannot fit.</summary>
    private static long Size(EvaluationCase one, int length)
    {
        long Of(string? text) => Math.Min(text?.Length ?? 0, length);
        return 20 + Of(one.Id) + Of(one.Input) + Of(one.Expected) + Of(one.Candidate) + Of(one.Baseline);
    }
}
