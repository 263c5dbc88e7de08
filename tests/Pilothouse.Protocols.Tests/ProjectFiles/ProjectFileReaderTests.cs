using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.ProjectFiles;

public sealed class ProjectFileReaderTests
{
    [Fact]
    public void Full_file_is_read_without_faults()
    {
        var file = Read(Samples.Full);

        Assert.Equal("support-assistant", file.Project);
        Assert.Equal(["assistant", "triage", "remote"], file.Models.Keys);
        var assistant = file.Models["assistant"];
        Assert.Equal((ModelKind.Generative, ModelEngine.Onnx, 2), (assistant.Kind, assistant.Engine, assistant.Version));
        Assert.Equal("""["\n","END"]""", assistant.Parameters["stop"].GetRawText());
        Assert.Equal(48, assistant.Parameters["max_tokens"].GetInt32());
        Assert.Equal(0.4, file.Models["triage"].Threshold);
        Assert.Equal("llama-3.1-8b", file.Models["remote"].UpstreamModel);
        Assert.Equal(("tickets", 3), (file.Data["triage-heldout"].Dataset, file.Data["triage-heldout"].Version));
        var suite = file.Suites["support-quality"];
        Assert.Equal(("prompt", "expected", "template"), (suite.Input, suite.Expected, suite.Cluster));
        Assert.Equal((GateType.NonInferiority, 0.03, 0.95), (suite.Gates[0].Type, suite.Gates[0].Margin, suite.Gates[0].Confidence));
        Assert.Equal((GateType.Floor, 0.80), (suite.Gates[1].Type, suite.Gates[1].Min));
        Assert.Equal("input", file.Suites["triage-quality"].Input);
        Assert.Equal(" she", file.Fairness["pronouns"].Words["female"]);
        Assert.Equal([FairnessMetric.EqualOpportunityDifference, FairnessMetric.DemographicParityDifference], file.Fairness["triage-groups"].Metrics);
        Assert.Equal((0.95, 0.01, 20), (file.Monitors["answers-stay-on-topic"].Reference, file.Monitors["answers-stay-on-topic"].Alpha, file.Monitors["answers-stay-on-topic"].MinSamples));
        var rollout = file.Environments["production"].Rollout;
        Assert.Equal([10, 50, 100], rollout.Steps);
        Assert.Equal((TimeSpan.FromSeconds(5), 30), (rollout.Interval, rollout.MinRequests));
        Assert.Equal([100], file.Environments["staging"].Rollout.Steps);
        Assert.Equal([RequiredEvidence.Approval], file.Environments["staging"].Require);
        Assert.Equal([RequiredEvidence.Evaluation, RequiredEvidence.Fairness], file.Environments["production"].Require);
        Assert.Equal((null, 800), (file.Monitors["answers-stay-on-topic"].Limit, file.Monitors["answers-in-time"].Limit));
        Assert.Equal((6, 5, "models.assistant"), (assistant.Source.Line, assistant.Source.Column, assistant.Source.Key));
    }

    [Fact]
    public void Minimal_file_has_empty_sections()
    {
        var file = Read(Samples.Minimal);

        Assert.Empty(file.Models);
        Assert.Empty(file.Alerts);
    }

    [Fact]
    public void Monitor_without_its_limit_and_unknown_evidence_are_faults()
    {
        var result = ProjectFileReader.Parse(
            """
            apiVersion: pilothouse/v1
            project: p
            models: { m: { kind: generative, engine: onnx, version: 1 } }
            monitors: { slow: { model: m, metric: latency_ms, reference: 0.9 } }
            environments: { e: { target: local, require: [fairnes] } }
            """);

        Assert.Equal(["monitors.slow.limit", "environments.e.require[0]"], result.Faults.Select(f => f.Key));
        Assert.Equal("Did you mean 'fairness'?", result.Faults[1].Remedy);
    }

    [Fact]
    public void Every_fault_is_reported_at_once_with_its_place()
    {
        var result = ProjectFileReader.Parse(
            """
            apiVersion: pilothouse/v1
            project: p
            models:
              m: { kind: generativ, engine: onnx, version: 1 }
            suites:
              s:
                model: n
                data: d
                scorers: [{ name: a, type: exact }]
                gates: [{ scorer: a, type: non_inferiority, margin: 3 }]
            environments:
              prod: { target: local, rollout: { steps: [10, 5, 100], interval: soon } }
            modles: {}
            """);

        Assert.Null(result.File);
        Assert.Equal(
            [
                (4, "models.m.kind"),
                (7, "suites.s.model"),
                (8, "suites.s.data"),
                (10, "suites.s.gates[0].margin"),
                (12, "environments.prod.rollout.steps[1]"),
                (12, "environments.prod.rollout.interval"),
                (13, "modles"),
            ],
            result.Faults.Select(f => (f.Line, f.Key)));
        Assert.Equal("Did you mean 'generative'?", result.Faults[0].Remedy);
        Assert.Equal("Did you mean 'models'?", result.Faults[^1].Remedy);
        Assert.All(result.Faults, f => Assert.NotEmpty(f.Remedy));
    }

    [Theory]
    [InlineData("project: p", "apiVersion")]
    [InlineData("apiVersion: pilothouse/v2\nproject: p", "apiVersion")]
    [InlineData("apiVersion: pilothouse/v1", "project")]
    [InlineData("apiVersion: pilothouse/v1\nproject: a/b", "project")]
    [InlineData("apiVersion: pilothouse/v1\nproject: p\nproject: q", "project")]
    [InlineData("apiVersion: pilothouse/v1\nproject:", "project")]
    public void Bad_heading_is_named(string text, string key) => Assert.Equal(key, Single(text).Key);

    [Theory]
    [InlineData("models: { m: { kind: generative, engine: onnx } }", "models.m.version")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: 0 } }", "models.m.version")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: '1' } }", "models.m.version")]
    [InlineData("models: { m: { kind: generative, engine: onnx, digest: sha256:abc } }", "models.m.digest")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: 1, threshold: 0.5 } }", "models.m.threshold")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: 1, prompt: ../x } }", "models.m.prompt")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: 1, url: http://x } }", "models.m.url")]
    [InlineData("models: { m: { kind: generative, engine: openai, model: x } }", "models.m.url")]
    [InlineData("models: { m: { kind: generative, engine: openai, model: x, url: 'file:///etc' } }", "models.m.url")]
    [InlineData("models: { 'a b': { kind: generative, engine: onnx, version: 1 } }", "models.a b")]
    [InlineData("models: { m: { kind: classifier, engine: onnx, version: 1, threshold: 1 } }", "models.m.threshold")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: 1, prompt: 'prompts:/x/latest' } }", "models.m.prompt")]
    [InlineData("models: { m: { kind: generative, engine: onnx, version: 1, prompt: 'prompts:/x' } }", "models.m.prompt")]
    [InlineData("data: { d: { path: x.jsonl, split: test } }", "data.d.split")]
    [InlineData("models: [1]", "models")]
    [InlineData("models: { m: 1 }", "models.m")]
    [InlineData("data: { d: {} }", "data.d.path")]
    [InlineData("data: { d: { dataset: x } }", "data.d.version")]
    [InlineData("data: { d: { path: /etc/passwd } }", "data.d.path")]
    [InlineData("data: { d: { path: x.jsonl, version: 1 } }", "data.d.version")]
    [InlineData("alerts: [{ webhook: 'http://x/', monitors: [nope] }]", "alerts[0].monitors[0]")]
    [InlineData("alerts: [{ webhook: 'http://x/', monitors: [] }]", "alerts[0].monitors")]
    [InlineData("environments: { e: { target: local, rollout: { steps: [10, 50] } } }", "environments.e.rollout.steps[1]")]
    [InlineData("environments: { e: { target: local, rollout: { steps: [0, 100] } } }", "environments.e.rollout.steps[0]")]
    [InlineData("environments: { e: { target: local, rollout: { steps: [100], interval: 400d } } }", "environments.e.rollout.interval")]
    [InlineData("environments: { e: { target: mars } }", "environments.e.target")]
    public void Bad_entry_is_named(string section, string key) => Assert.Equal(key, Single(Samples.Minimal + section).Key);

    [Theory]
    [InlineData("type: exact }", "type: exakt }", "suites.support-quality.scorers[0].type")]
    [InlineData("(?i)please|thank", "(?=x)", "suites.support-quality.scorers[1].pattern")]
    [InlineData("of: exact, k: 2", "of: twice, k: 2", "suites.support-quality.scorers[5].of")]
    [InlineData("repeats: 3", "repeats: 1", "suites.support-quality.repeats")]
    [InlineData("judges: [remote]", "judges: [triage]", "suites.support-quality.scorers[7].judges[0]")]
    [InlineData("judges: [remote], rubric", "judges: [remoto], rubric", "suites.support-quality.scorers[7].judges[0]")]
    [InlineData("type: latency, max: 800", "type: latency", "suites.support-quality.scorers[9].max")]
    [InlineData("type: latency, max: 800", "type: latency, max: 0", "suites.support-quality.scorers[9].max")]
    [InlineData("type: rouge_n, n: 2", "type: rouge_l, n: 2", "suites.support-quality.scorers[10].n")]
    [InlineData("ignore_case: true", "ignore_case: yes", "suites.support-quality.scorers[2].ignore_case")]
    [InlineData("files: [scorers/own.py]", "files: [../own.py]", "suites.support-quality.scorers[6].files")]
    [InlineData("model: minilm", "model: [minilm]", "suites.support-quality.scorers[8].model")]
    [InlineData("type: latency, max: 800", "type: cost, max: 800", "suites.support-quality.scorers[9].type")]
    [InlineData("price: { input: 0.5, output: 1.5 }", "price: { input: -1, output: 1.5 }", "models.remote.price")]
    [InlineData("pack: prompt-injection", "pack: prompt-injektion", "suites.injection.pack")]
    [InlineData("pack: prompt-injection", "data: heldout, pack: prompt-injection", "suites.injection.pack")]
    [InlineData(", pack: prompt-injection, gates: [{ scorer: resisted, type: floor, min: 0.95 }]", "", "suites.injection.data")]
    [InlineData("id: bye", "id: hello", "suites.greetings.cases[1].id")]
    [InlineData("id: bye, input: Bye", "input: a, input: Bye", "suites.greetings.cases[1].input")]
    [InlineData("{ id: bye, input: Bye, expected: Goodbye!, product: desk }", "bye", "suites.greetings.cases[1]")]
    [InlineData("name: polite", "name: exact", "suites.support-quality.scorers[1].name")]
    [InlineData("scorer: exact, type: floor", "scorer: exat, type: floor", "suites.support-quality.gates[1].scorer")]
    [InlineData("type: floor, min: 0.80", "type: floor", "suites.support-quality.gates[1].min")]
    [InlineData("baseline: { environment: production }", "baseline: { environment: production, release: latest }", "suites.support-quality.baseline.release")]
    [InlineData("baseline: { environment: production }", "baseline: {}", "suites.support-quality.baseline.environment")]
    [InlineData("baseline: { environment: production }", "baseline: production", "suites.support-quality.baseline")]
    [InlineData("baseline: { environment: production }", "baseline: { environment: production, branch: main }", "suites.support-quality.baseline.branch")]
    [InlineData("must: true", "must: true, primary: true", "suites.support-quality.gates[1].must")]
    [InlineData("promptfoo: evals/promptfooconfig.yaml", "promptfoo: ../promptfooconfig.yaml", "suites.regression.promptfoo")]
    [InlineData("promptfoo: evals/promptfooconfig.yaml", "promptfoo: evals/promptfooconfig.yaml, model: remote", "suites.regression.model")]
    [InlineData("must: true", "must: yes", "suites.support-quality.gates[1].must")]
    [InlineData("scorer: quick, type: floor, min: 0.95, primary: false", "scorer: exact, type: floor, min: 0.95", "suites.support-quality.gates[2].scorer")]
    [InlineData("min: 0.80", "min: 0.80, margin: 0.1", "suites.support-quality.gates[1].margin")]
    [InlineData("The {group} bought", "The one bought", "fairness.pronouns.templates")]
    [InlineData("groups: [nurse, engineer]", "groups: [nurse]", "fairness.pronouns.groups")]
    [InlineData("male: \" he\"", "male: \" he\", x: y", "fairness.pronouns.words")]
    [InlineData("positive: urgent", "", "fairness.triage-groups.positive")]
    [InlineData("equal_opportunity_difference,", "equal_oportunity_difference,", "fairness.triage-groups.metrics[0]")]
    [InlineData("    model: triage\n    method: group_rates", "    model: assistant\n    method: group_rates", "fairness.triage-groups.model")]
    [InlineData("max_gap: 0.20", "max_gap: .nan", "fairness.pronouns.max_gap")]
    [InlineData("min_requests: 30", "min_request: 30", "environments.production.rollout.min_request")]
    public void Bad_value_in_the_full_file_is_named(string good, string bad, string key)
    {
        Assert.Contains(good, Samples.Full, StringComparison.Ordinal);
        Assert.Equal(key, Single(Samples.Full.Replace(good, bad, StringComparison.Ordinal)).Key);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("~")]
    [InlineData("just words")]
    [InlineData("- a\n- b")]
    [InlineData("a: b: c")]
    [InlineData("a: [1, 2")]
    [InlineData("a: \"open")]
    [InlineData("\ta: 1")]
    [InlineData("a: *nowhere")]
    [InlineData("a: &a [*a]")]
    [InlineData("? [complex, key]\n: 1")]
    [InlineData("a: 1\n---\nb: 2")]
    [InlineData("%YAML 9.9\n---\na: 1")]
    [InlineData("\0")]
    public void Broken_text_is_one_named_fault_or_more(string text)
    {
        var result = ProjectFileReader.Parse(text);

        Assert.Null(result.File);
        Assert.NotEmpty(result.Faults);
        Assert.All(result.Faults, f => Assert.True(f.Line >= 1 && f.Column >= 1 && f.Message.Length > 0 && f.Remedy.Length > 0));
    }

    [Fact]
    public void Aliases_may_share_a_value()
    {
        var file = Read(Samples.Minimal + "models:\n  a: &m { kind: classifier, engine: onnx, version: 1 }\n  b: *m\n");

        Assert.Equal(2, file.Models.Count);
    }

    [Fact]
    public void Alias_bomb_is_refused()
    {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + string.Concat(Enumerable.Range(1, 12).Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));

        Assert.Contains("aliases are expanded", Assert.Single(ProjectFileReader.Parse(bomb).Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Alias_ladder_deeper_than_the_bound_is_refused()
    {
        var ladder = "a0: &a0 [x]\n" + string.Concat(Enumerable.Range(1, 5_000).Select(i => $"a{i}: &a{i} [[[*a{i - 1}]]]\n"));

        Assert.Contains("Nested deeper", Assert.Single(ProjectFileReader.Parse(ladder).Faults).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    public void Depth_beyond_the_bound_is_refused(char open) =>
        Assert.Contains("Nested deeper", Assert.Single(ProjectFileReader.Parse("a: " + new string(open, 500_000)).Faults).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_beyond_the_bound_is_refused() =>
        Assert.Contains("larger than 1024 KiB", Assert.Single(ProjectFileReader.Parse("# " + new string('ä', 600_000))!.Faults).Message, StringComparison.Ordinal);

    [Fact]
    public void Reported_faults_are_bounded()
    {
        var text = Samples.Minimal + string.Concat(Enumerable.Range(0, 5_000).Select(i => $"unknown{i}: 1\n"));

        Assert.Equal(ProjectFileReader.MaxFaults, ProjectFileReader.Parse(text).Faults.Count);
    }

    private static ProjectFile Read(string text)
    {
        var result = ProjectFileReader.Parse(text);
        Assert.Empty(result.Faults);
        return Assert.IsType<ProjectFile>(result.File);
    }

    private static ProjectFault Single(string text) => Assert.Single(ProjectFileReader.Parse(text).Faults);
}
