using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Server.Modules.Gateway;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Gateway.Engines;

public sealed partial class OnnxEngineTests : IDisposable
{
    private readonly OnnxEngine _engine = new(new GatewayOptions { EngineThreads = 2 }, TimeProvider.System);

    /// <summary>The samples' tool decodes the same weights with an implementation of its own: its greedy answers are the reference.</summary>
    [Fact]
    public async Task Greedy_answers_equal_the_reference()
    {
        var model = await AssistantAsync();
        var file = SampleModels.Data("live-drifted.jsonl");
        var report = (await SampleModels.RunToolAsync("eval", model.Directory, "--data", file, "--verbose")).Succeeded();
        var misses = Misses().Matches(report).ToDictionary(m => m.Groups["id"].Value, m => m.Groups["answer"].Value);
        var rows = File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.NotEmpty(misses);

        foreach (var row in rows)
        {
            var (id, prompt, mustContain) = (row.GetProperty("id").GetString()!, row.GetProperty("prompt").GetString()!, row.GetProperty("must_contain").GetString()!);
            var answer = await _engine.GenerateAsync(model, Ask(prompt), CancellationToken.None);
            if (misses.TryGetValue(id, out var reference)) Assert.Equal(reference, answer.Text);
            else Assert.Contains(mustContain, answer.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Streamed_pieces_are_the_answer()
    {
        var model = await AssistantAsync();
        var pieces = new List<string>();
        var whole = await _engine.GenerateAsync(model, Ask("Do you send parcels to Turin?"), CancellationToken.None);
        var streamed = await _engine.GenerateAsync(model, Ask("Do you send parcels to Turin?") with
        {
            OnToken = (piece, _) =>
            {
                pieces.Add(piece);
                return ValueTask.CompletedTask;
            },
        }, CancellationToken.None);

        Assert.Equal("Yes, we ship to Turin. Delivery to Turin takes five working days.", whole.Text);
        Assert.Equal("stop", whole.FinishReason);
        Assert.InRange(whole.MeanLogProbability!.Value, -1, 0);
        Assert.Equal(whole.Text, streamed.Text);
        Assert.Equal(whole.Text, string.Concat(pieces));
        Assert.True(pieces.Count > 3);
    }

    [Fact]
    public async Task A_seed_repeats_a_draw()
    {
        var model = await AssistantAsync();
        var request = Ask("Where is my lamp?") with { Temperature = 4, Seed = 7 };
        var first = await _engine.GenerateAsync(model, request, CancellationToken.None);
        var second = await _engine.GenerateAsync(model, request, CancellationToken.None);
        var others = new HashSet<string>();
        for (var seed = 0; seed < 8; seed++) others.Add((await _engine.GenerateAsync(model, request with { Seed = seed }, CancellationToken.None)).Text);

        Assert.Equal(first.Text, second.Text);
        Assert.True(others.Count > 1);
    }

    [Fact]
    public async Task A_limit_or_a_stop_text_ends_the_answer()
    {
        var model = await AssistantAsync();
        var limited = await _engine.GenerateAsync(model, Ask("Do you send parcels to Turin?") with { MaxTokens = 3 }, CancellationToken.None);
        var stopped = await _engine.GenerateAsync(model, Ask("Do you send parcels to Turin?") with { Stop = [". Del"] }, CancellationToken.None);

        Assert.Equal((3, "length"), (limited.CompletionTokens, limited.FinishReason));
        Assert.Equal(("Yes, we ship to Turin", "stop"), (stopped.Text, stopped.FinishReason));
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_is_refused_by_name()
    {
        var model = await AssistantAsync();
        var error = await Assert.ThrowsAsync<PilothouseException>(() => _engine.GenerateAsync(model, Ask(string.Concat(Enumerable.Repeat("lamp ", 300))), CancellationToken.None));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains("128", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Text of a user that spells the template's marks must stay text: it is longer in tokens than the mark's one.</summary>
    [Fact]
    public async Task Special_tokens_in_a_message_are_text()
    {
        var model = await AssistantAsync();
        var plain = await _engine.GenerateAsync(model, Ask("Where is my lamp?"), CancellationToken.None);
        var spelled = await _engine.GenerateAsync(model, Ask("Where is my lamp?<|eos|>"), CancellationToken.None);
        Assert.True(spelled.PromptTokens >= plain.PromptTokens + 3, $"{spelled.PromptTokens} tokens against {plain.PromptTokens}");
    }

    /// <summary>P(" she") against P(" he") as the samples' tool computes it with its own decoder.</summary>
    [Fact]
    public async Task Scores_of_continuations_equal_the_reference()
    {
        var model = await AssistantAsync();
        var report = (await SampleModels.RunToolAsync("pronouns", model.Directory)).Succeeded();
        var items = ItemList().Match(await File.ReadAllTextAsync(Path.Combine(RepoRoot.Path, "samples", "tiny-models", "Data", "SupportVocabulary.cs"))).Groups["items"].Value;
        var names = Quoted().Matches(items).Select(m => m.Groups[1].Value).ToList();
        foreach (var line in report.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(4))
        {
            var occupation = line.Split(' ')[0];
            var expected = double.Parse(BareShare().Match(line).Groups[1].Value, CultureInfo.InvariantCulture);
            var shares = new List<double>();
            foreach (var item in names)
            {
                var scores = await _engine.ScoreAsync(model, $"The {occupation} bought the {item} because", [" she", " he"], CancellationToken.None);
                shares.Add(1 / (1 + Math.Exp(scores[1] - scores[0])));
            }
            Assert.Equal(expected, shares.Average(), 0.002);
        }
    }

    [Fact]
    public async Task Long_continuations_score_as_the_sum_of_their_steps()
    {
        var model = await AssistantAsync();
        var whole = await _engine.ScoreAsync(model, "<|user|>Where is my lamp?<|assistant|>", ["Your lamp left", "Your"], CancellationToken.None);
        var rest = await _engine.ScoreAsync(model, "<|user|>Where is my lamp?<|assistant|>Your", [" lamp left"], CancellationToken.None);
        Assert.Equal(whole[0], whole[1] + rest[0], 1e-3);
    }

    [Fact]
    public async Task Classifications_have_the_accuracy_of_the_reference()
    {
        var directory = await SampleModels.DirectoryAsync("triage-v2");
        var model = new EngineModel("models:/triage/2", "sha256:triage-v2", directory, 1, null);
        var file = SampleModels.Data("triage-heldout.jsonl");
        var report = (await SampleModels.RunToolAsync("eval", directory, "--data", file)).Succeeded();
        var rows = File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement).ToList();

        var classes = await _engine.ClassifyAsync(model, [.. rows.Select(r => r.GetProperty("text").GetString()!)], CancellationToken.None);

        var accuracy = rows.Zip(classes).Average(p => (p.Second.Probabilities["urgent"] >= 0.5 ? "urgent" : "normal") == p.First.GetProperty("label").GetString() ? 1.0 : 0);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"accuracy={accuracy:0.0000}"), report, StringComparison.Ordinal);
        Assert.All(classes, c => Assert.Equal(1, c.Probabilities.Values.Sum(), 1e-6));
    }

    [Fact]
    public async Task A_cancelled_generation_ends()
    {
        var model = await AssistantAsync();
        using var cancel = new CancellationTokenSource();
        var request = Ask("Where is my lamp?") with
        {
            OnToken = (_, _) =>
            {
                cancel.Cancel();
                return ValueTask.CompletedTask;
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _engine.GenerateAsync(model, request, cancel.Token));
        Assert.NotEmpty((await _engine.GenerateAsync(model, Ask("Where is my lamp?"), CancellationToken.None)).Text);
    }

    [Fact]
    public async Task The_wrong_kind_is_refused_by_name()
    {
        var assistant = await AssistantAsync();
        var error = await Assert.ThrowsAsync<PilothouseException>(() => _engine.ClassifyAsync(assistant, ["x"], CancellationToken.None));
        Assert.Equal(ErrorCode.Unsupported, error.Code);
    }

    public void Dispose() => _engine.Dispose();

    private static async Task<EngineModel> AssistantAsync() => new("models:/assistant/4", "sha256:assistant-v4", await SampleModels.DirectoryAsync("assistant-v4"), 3_000_000, null);

    private static GenerationRequest Ask(string text) => new([new ChatTurn("user", text)], 48, 0);

    // live-drifted-0001: helo were is my lamp -> Your lamp left our warehouse on Monday.
    [GeneratedRegex("^  (?<id>[^ :]+): .* -> (?<answer>.*?)\r?$", RegexOptions.Multiline)]
    private static partial Regex Misses();

    [GeneratedRegex(@"\bItems\b[^;]*?\[(?<items>[^\]]*)\]", RegexOptions.Singleline)]
    private static partial Regex ItemList();

    [GeneratedRegex("\"([a-z]+)\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"bare=([0-9.]+)")]
    private static partial Regex BareShare();
}
