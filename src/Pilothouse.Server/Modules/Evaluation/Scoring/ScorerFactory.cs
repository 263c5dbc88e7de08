using System.Security.Cryptography;
using System.Text;
using Pilothouse.Protocols;
using Pilothouse.Protocols.JsonSchemas;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>A scorer ready to run.</summary>
/// <param name="Material">Digest of what shapes its scores beside the entry: schema file, program files, judges. Empty when there is nothing.</param>
internal sealed record SuiteScorer(ScorerEntry Entry, IScorer Scorer, string Material);

/// <summary>Makes scorers of the entries of a project file, with the files and judges they name at that commit.</summary>
internal sealed class ScorerFactory(IRepositories repositories, IProjectContent content, IInference inference, Judges judges, EvaluationOptions options, TimeProvider time)
{
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>True when every row must have a reference answer.</summary>
    public static bool NeedsExpected(ScorerEntry scorer) => scorer.Type switch
    {
        ScorerType.Json or ScorerType.JsonSchema or ScorerType.Refusal or ScorerType.Latency or ScorerType.Tokens or ScorerType.Cost or ScorerType.PassAtK or ScorerType.PassHatK or ScorerType.Process
            or ScorerType.Judge or ScorerType.JudgePairwise => false,
        ScorerType.Regex => scorer.Pattern is null,
        ScorerType.ToolCall => scorer.Tool is null,
        ScorerType.Exact or ScorerType.ContainsAll or ScorerType.ContainsAny or ScorerType.StartsWith => scorer.Values.Count == 0,
        _ => true,
    };

    /// <summary>Scorers of the answer's text alone; null for others.</summary>
    public static Func<string, string, Score>? Text(ScorerEntry entry, JsonSchema? schema = null)
    {
        Func<string, string, Score>? score = entry.Type switch
        {
            ScorerType.Exact => AssertionScorers.Exact(entry),
            ScorerType.Accuracy => (answer, reference) => Score.Of(answer == reference),
            ScorerType.Contains => AssertionScorers.Contains(entry),
            ScorerType.ContainsAll => AssertionScorers.ContainsAll(entry),
            ScorerType.ContainsAny => AssertionScorers.ContainsAny(entry),
            ScorerType.StartsWith => AssertionScorers.StartsWith(entry),
            ScorerType.Regex => AssertionScorers.Matches(entry),
            ScorerType.Json => AssertionScorers.Json,
            ScorerType.JsonSchema => AssertionScorers.Schema(schema ?? JsonSchema.Parse(entry.Schema!)),
            ScorerType.ToolCall => ToolCalls.Scorer(entry),
            ScorerType.Refusal => (answer, _) => Score.Of(RefusalText.IsRefusal(answer)),
            ScorerType.F1 or ScorerType.Bleu or ScorerType.Chrf or ScorerType.RougeN or ScorerType.RougeL or ScorerType.Ter or ScorerType.EditSimilarity => OverlapScorers.Of(entry),
            _ => null,
        };
        if (score is null || !entry.Negate) return score;
        return (answer, reference) =>
        {
            var one = score(answer, reference);
            return one.Error is null ? one with { Value = 1 - one.Value } : one;
        };
    }

    /// <exception cref="PilothouseException">A file or judge that is not there, a schema that is none, commands that are switched off; each names the scorer.</exception>
    public async Task<SuiteScorer> CreateAsync(string project, string commit, ProjectFile file, string suite, ScorerEntry entry, CancellationToken ct)
    {
        var name = $"suites.{suite}, scorer '{entry.Name}'";
        switch (entry.Type)
        {
            case ScorerType.JsonSchema:
                var text = entry.SchemaPath is { } path ? Encoding.UTF8.GetString(await FileAsync(project, commit, path, name, ct)) : entry.Schema!;
                try
                {
                    return new SuiteScorer(entry, new TextScorer(Text(entry, JsonSchema.Parse(text))!), entry.SchemaPath is null ? "" : Digest(Encoding.UTF8.GetBytes(text)));
                }
                catch (ProtocolFormatException e)
                {
                    throw new PilothouseException(ErrorCode.InvalidArgument, $"{name}: {e.Message}");
                }
            case ScorerType.Process:
                if (!options.AllowProcesses)
                    throw new PilothouseException(ErrorCode.Unsupported, $"{name} runs a command, and this server runs none: who may push could run anything with its rights. If everyone who may is trusted, set Evaluation:AllowProcesses to true.");
                var files = new List<(string, byte[])>();
                foreach (var one in entry.Files) files.Add((one, await FileAsync(project, commit, one, name, ct)));
                return new SuiteScorer(entry, new ProcessScorer(entry, files, options, time), string.Join(' ', files.Select(f => Digest(f.Item2))));
            case ScorerType.Judge or ScorerType.JudgePairwise:
                var models = new List<ModelSubject>();
                foreach (var judge in entry.Judges) models.Add(await content.ModelAsync(project, commit, judge, file.Models[judge], ct));
                IScorer scorer = entry.Type == ScorerType.Judge ? new JudgeScorer(entry, models, judges, options) : new PairwiseJudgeScorer(entry, models, judges, options);
                return new SuiteScorer(entry, scorer, string.Join(' ', models.Select(m => $"{m.Reference}@{m.Digest}:{string.Join(',', m.Parameters.Select(p => $"{p.Key}={p.Value.GetRawText()}"))}")));
            default:
                return new SuiteScorer(entry, Simple(entry, name), "");
        }
    }

    private IScorer Simple(ScorerEntry entry, string name)
    {
        if (Text(entry) is { } text) return new TextScorer(text);
        return entry.Type switch
        {
            ScorerType.ClassF1 or ScorerType.Mcc => new LabelScorer(entry),
            ScorerType.Auroc or ScorerType.Ece => new ProbabilityScorer(entry),
            ScorerType.Brier => new BrierScorer(),
            ScorerType.CorpusBleu or ScorerType.CorpusChrf => new CorpusTextScorer(entry),
            ScorerType.Perplexity or ScorerType.MultipleChoice => new LikelihoodScorer(entry, inference, options),
            ScorerType.Similarity => new SimilarityScorer(entry, inference),
            ScorerType.Latency or ScorerType.Tokens or ScorerType.Cost => new UsageScorer(entry),
            ScorerType.PassAtK or ScorerType.PassHatK => new CountedScorer(),
            _ => throw new PilothouseException(ErrorCode.Unsupported, $"{name}: this server has no scorer of type {entry.Type}."),
        };
    }

    private async Task<byte[]> FileAsync(string project, string commit, string path, string name, CancellationToken ct) => await repositories.ReadFileAsync(project, commit, path, MaxFileBytes, ct)
        ?? throw new PilothouseException(ErrorCode.NotFound, $"{name}: {path} is not in commit {ProjectContent.Short(commit)} of {project}. Add the file and commit it, or correct the path.");

    private static string Digest(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>pass@k and pass^k count another scorer's scores (<see cref="SuiteScoring"/>); they look at no answer themselves.</summary>
    private sealed class CountedScorer : IScorer
    {
        public Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct) => Task.FromResult(new Score[answers.Count]);
    }
}
