using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>
/// A scorer in any language. It reads one JSON line an answer on standard input:
/// <c>{"index":0,"id":"c1","input":"...","expected":"...","answer":"...","fields":{...}}</c>
/// and writes one a score on standard output, in any order: <c>{"index":0,"score":0.5,"reason":"..."}</c> or <c>{"index":0,"error":"..."}</c>.
/// </summary>
internal sealed class ProcessScorer(ScorerEntry entry, IReadOnlyList<(string Path, byte[] Content)> files, EvaluationOptions options, TimeProvider time) : IScorer
{
    public async Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        var scores = new Score?[answers.Count];
        var process = new JsonLinesProcess(new CommandProgram(entry.Command, files, entry.Timeout), options.CommandVariables, time);
        var error = await process.RunAsync(Lines(answers), (line, number) =>
        {
            var index = JsonLinesProcess.Index(line, number, answers.Count);
            if (scores[index] is not null) throw new InvalidDataException($"Line {number} of the command's output scores answer {index} again.");
            scores[index] = Parse(line);
            return Task.CompletedTask;
        }, ct);
        if (error is not null) return [.. Enumerable.Repeat(Score.Without(error), answers.Count)];
        return [.. scores.Select((s, i) => answers[i].Answer.Error is { } failed ? Score.Without(failed) : s ?? Score.Without("The command wrote no score for this answer."))];
    }

    private static IEnumerable<string> Lines(IReadOnlyList<Scored> answers)
    {
        for (var i = 0; i < answers.Count; i++)
        {
            var (one, answer) = (answers[i].Case, answers[i].Answer);
            if (!answer.Failed) yield return JsonSerializer.Serialize(new Line(i, one.Id, one.Input, one.Expected, answer.Output, one.Fields), WireJson.Options);
        }
    }

    private static Score Parse(JsonElement line)
    {
        if (JsonLinesProcess.Text(line, "error") is { } error) return Score.Without(error);
        var score = line.TryGetProperty("score", out var given) && given.ValueKind == JsonValueKind.Number ? given.GetDouble() : double.NaN;
        return score is >= 0 and <= 1 ? new Score(score, null, JsonLinesProcess.Text(line, "reason")) : Score.Without($"The command's score is not a number between 0 and 1: {JsonLinesProcess.Shown(line.GetRawText())}");
    }

    private sealed record Line(int Index, string Id, string Input, string? Expected, string Answer, IReadOnlyDictionary<string, string> Fields);
}
