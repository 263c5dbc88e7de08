using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>promptfoo configurations as they are. The verdicts of <see cref="Config"/> are promptfoo's own (see docs/evaluation.md).</summary>
public class PromptfooTests
{
    internal const string Config = """
        description: assertions against the echo provider
        prompts:
          - 'Hello {{name}}, you said: {{text | upper}}'
        providers: [echo]
        defaultTest:
          vars: { text: nothing }
        tests:
          - { description: contains, vars: { name: Ann }, assert: [{ type: contains, value: 'Hello {{name}}' }] }
          - { description: contains misses, vars: { name: Ann }, assert: [{ type: contains, value: Bob }] }
          - { description: not-contains, vars: { name: Ann }, assert: [{ type: not-contains, value: Bob }] }
          - { description: icontains, vars: { name: Ann }, assert: [{ type: icontains, value: HELLO }] }
          - { description: equals, vars: { name: Ann, text: x }, assert: [{ type: equals, value: 'Hello Ann, you said: X' }] }
          - { description: contains-all text, vars: { name: Ann }, assert: [{ type: contains-all, value: 'Hello, Ann' }] }
          - { description: contains-any, vars: { name: Ann }, assert: [{ type: contains-any, value: [Bob, Ann] }] }
          - { description: starts-with, vars: { name: Ann }, assert: [{ type: starts-with, value: Hello }] }
          - { description: regex, vars: { name: Ann }, assert: [{ type: regex, value: 'Hello \w+, you' }] }
          - { description: is-json misses, vars: { name: Ann }, assert: [{ type: is-json }] }
          - { description: contains-json, vars: { name: '{"a": 1}' }, assert: [{ type: contains-json, value: { type: object, required: [a] } }] }
          - { description: contains-json other schema, vars: { name: '{"a": 1}' }, assert: [{ type: contains-json, value: { type: object, required: [b] } }] }
          - { description: levenshtein, vars: { name: Ann, text: x }, assert: [{ type: levenshtein, threshold: 2, value: 'Hello Anna, you said: X' }] }
          - { description: word-count, vars: { name: Ann, text: x }, assert: [{ type: word-count, value: { min: 5, max: 5 } }] }
          - { description: weights fail, vars: { name: Ann }, assert: [{ type: contains, value: Bob, weight: 3 }, { type: contains, value: Ann }] }
          - { description: threshold passes, threshold: 0.2, vars: { name: Ann }, assert: [{ type: contains, value: Bob, weight: 3 }, { type: contains, value: Ann }] }
          - { description: threshold fails, threshold: 0.5, vars: { name: Ann }, assert: [{ type: contains, value: Bob, weight: 3 }, { type: contains, value: Ann }] }
          - { description: weight 0 never fails, vars: { name: Ann }, assert: [{ type: contains, value: Bob, weight: 0 }, { type: contains, value: Ann }] }
          - { description: assert-set, vars: { name: Ann }, assert: [{ type: assert-set, threshold: 0.5, assert: [{ type: contains, value: Bob }, { type: contains, value: Ann }] }] }
          - { description: no assertions, vars: { name: Ann } }
          - { description: two values, vars: { name: [Ann, Bob] }, assert: [{ type: contains, value: Ann }] }
        """;

    /// <summary>Verdict of promptfoo 0.123 on each test of <see cref="Config"/>.</summary>
    internal static readonly (string Id, bool IsPass)[] Verdicts =
    [
        ("contains", true), ("contains misses", false), ("not-contains", true), ("icontains", true), ("equals", true), ("contains-all text", true), ("contains-any", true), ("starts-with", true), ("regex", true), ("is-json misses", false),
        ("contains-json", true), ("contains-json other schema", false), ("levenshtein", true), ("word-count", true), ("weights fail", false), ("threshold passes", true), ("threshold fails", false), ("weight 0 never fails", true),
        ("assert-set", true), ("no assertions", true), ("two values", true), ("two values #2", false),
    ];

    [Theory, DatabaseData]
    public async Task Every_test_has_the_verdict_that_promptfoo_gives(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("evals/promptfooconfig.yaml", Config));

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: "evals/promptfooconfig.yaml"));

        var cases = (await bench.Service().CasesAsync(result.Summary.Id, null, null, 100, null, default)).Items;
        Assert.Equal(Verdicts, cases.Select(c => (c.Id, c.Scores["pass"] == 1)));
        Assert.Equal("FAIL", result.Summary.Verdict); // promptfoo's exit code 100
        Assert.Equal(0.25, cases.Single(c => c.Id == "weights fail").Scores["score"], 12);
        Assert.Equal(0, bench.Inference.Calls);
    }

    [Fact]
    public async Task What_cannot_be_run_leaves_the_test_without_a_score_and_names_the_line()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("promptfooconfig.yaml", """
            prompts: ['{{x}}']
            providers: [echo]
            tests:
              - vars: { x: a }
                assert:
                  - { type: javascript, value: 'output.length > 0' }
            """));

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: "promptfooconfig.yaml"));

        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Contains("line 6: the assertion 'javascript' is not run here", result.Summary.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("prompts: ['a']\nproviders: [anthropic:claude]\n", "2:13: providers: The provider 'anthropic:claude' is not run here.")]
    [InlineData("prompts: ['a']\nproviders: [echo]\nscenarios: []\n", "3:1: scenarios: 'scenarios' is not run here.")]
    [InlineData("prompts: [file://p.txt]\nproviders: [echo]\n", "1:11: prompts: There is no file p.txt.")]
    [InlineData("prompts: [file://../p.txt]\nproviders: [echo]\n", "cannot be read here")]
    [InlineData("prompts: ['a']\nproviders: [{ id: openai:gpt, config: { apiKey: sk-1 } }]\n", "A key does not belong into a file.")]
    [InlineData("prompts: ['a']\nproviders: [{ id: openai:gpt, config: { top_k: 1 } }]\n", "'top_k' is not sent by this server.")]
    [InlineData("prompts: ['a']\nproviders: [echo]\ntests: [{ options: { transform: 'x' } }]\n", "options.transform")]
    [InlineData("prompts: [", "1:")]
    public void Faults_have_line_and_remedy(string config, string expected)
    {
        var result = PromptfooReader.Parse(config, _ => null);
        Assert.Null(result.Config);
        Assert.Contains(result.Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_template_that_cannot_be_rendered_is_named()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("promptfooconfig.yaml", "prompts: ['{{x | nonsense}}']\nproviders: [echo]\ntests: [{ vars: { x: a } }]\n"));

        var error = await Assert.ThrowsAsync<PilothouseException>(() => bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: "promptfooconfig.yaml")));

        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains("promptfooconfig.yaml:1: prompt 'prompt 1'", error.Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task A_chat_prompt_goes_to_an_openai_server_and_a_grader_judges(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("chat.json", """[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{q}}"}]"""), ("promptfooconfig.yaml", """
            prompts: [file://chat.json]
            providers: [{ id: openai:chat:gpt, config: { apiBaseUrl: 'http://127.0.0.1:9/v1', temperature: 0.5, max_tokens: 7 } }]
            defaultTest: { options: { provider: { id: openai:judge, config: { apiBaseUrl: 'http://127.0.0.1:9/v1' } } } }
            tests:
              - { description: graded, vars: { q: Why? }, assert: [{ type: llm-rubric, value: 'answers {{q}}' }, { type: similar, value: Because, threshold: 0.9, provider: { id: openai:embedding:e, config: { apiBaseUrl: 'http://127.0.0.1:9/v1' } } }] }
            """));
        var asked = new List<string>();
        bench.Inference.Generate = (model, _) => model == "judge" ? """{"reason": "fine", "pass": true, "score": 0.9}""" : "Because.";
        bench.Inference.Asked = (target, request) => { lock (asked) asked.Add($"{target.Model} {request.Messages[0].Role} {request.MaxTokens} {request.Messages[^1].Content.Split('\n')[0]}"); };

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: "promptfooconfig.yaml"));

        Assert.True(result.Summary.Verdict == "PASS", result.Summary.Reason);
        Assert.Equal(["gpt system 7 Why?", "judge system 512 Rubric: answers Why?"], asked);
    }
}
