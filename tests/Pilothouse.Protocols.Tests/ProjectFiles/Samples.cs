namespace Pilothouse.Protocols.Tests.ProjectFiles;

internal static class Samples
{
    /// <summary>Uses every key of the format at least once.</summary>
    public const string Full = """
        apiVersion: pilothouse/v1
        project: support-assistant
        description: answers customers
        models:
          assistant:
            kind: generative
            engine: onnx
            name: assistant
            version: 2
            digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            prompt: prompts/support.yaml
            parameters: { temperature: 0, max_tokens: 48, stop: ["\n", END] }
          triage:
            kind: classifier
            engine: onnx
            alias: champion
            checkout: models/triage
            threshold: 0.4
          remote:
            kind: generative
            engine: openai
            url: http://127.0.0.1:8080/v1
            model: llama-3.1-8b
            api_key_env: UPSTREAM_API_KEY
            price: { input: 0.5, output: 1.5 }
        data:
          heldout:  { path: data/heldout.jsonl }
          triage-heldout: { dataset: tickets, version: 3, split: test, checkout: data/tickets.jsonl }
        suites:
          support-quality:
            model: assistant
            data: heldout
            input: prompt
            expected: expected
            cluster: template
            repeats: 3
            target: { prompt: "prompts:/support/3" }
            baseline: { environment: production }
            tools: [{ name: get_order, parameters: { type: object } }]
            slices: [language]
            looks: [0.5, 1]
            quarantine: [{ case: c12, until: 2027-01-31, owner: ann, reason: the answer depends on the day }]
            scorers:
              - { name: exact, type: exact }
              - { name: polite, type: regex, pattern: "(?i)please|thank" }
              - { name: sure, type: starts_with, values: [Yes., "Yes, sure."], ignore_case: true }
              - { name: shape, type: json_schema, schema: { type: object, required: [answer] } }
              - { name: lookup, type: tool_call, tool: get_order, arguments: { id: 17 }, negate: true }
              - { name: twice, type: pass_hat_k, of: exact, k: 2 }
              - { name: own, type: process, command: [python3, scorers/own.py], files: [scorers/own.py], timeout: 30s }
              - { name: good, type: judge, judges: [remote], rubric: Is it polite?, human: grade, min_alpha: 0.67 }
              - { name: near, type: similarity, url: "http://127.0.0.1:8080/v1", model: minilm }
              - { name: quick, type: latency, max: 800 }
              - { name: bigrams, type: rouge_n, n: 2 }
            gates:
              - { scorer: exact, type: non_inferiority, margin: 0.03, confidence: 0.95 }
              - { scorer: exact, type: floor, min: 0.80, must: true }
              - { scorer: quick, type: floor, min: 0.95, primary: false }
          triage-quality:
            model: triage
            data: triage-heldout
            expected: label
            baseline: none
            scorers: [{ name: accuracy, type: accuracy }]
          greetings:
            model: remote
            cases:
              - { id: hello, input: Hello, expected: Hello!, product: lamp }
              - { id: bye, input: Bye, expected: Goodbye!, product: desk }
            messages: history
          injection: { model: remote, pack: prompt-injection, gates: [{ scorer: resisted, type: floor, min: 0.95 }] }
          regression: { promptfoo: evals/promptfooconfig.yaml }
        fairness:
          pronouns:
            model: assistant
            method: pronoun_preference
            templates: ["The {group} bought the lamp because"]
            groups: [nurse, engineer]
            words: { female: " she", male: " he" }
            max_gap: 0.20
            confidence: 0.95
          triage-groups:
            model: triage
            method: group_rates
            data: triage-heldout
            input: text
            group: group
            label: label
            positive: urgent
            metrics: [equal_opportunity_difference, demographic_parity_difference]
            max_gap: 0.10
        monitors:
          answers-stay-on-topic:
            model: assistant
            metric: grounded
            reference: 0.95
            alpha: 0.01
            min_samples: 20
          answers-in-time: { model: assistant, metric: latency_ms, limit: 800, reference: 0.99 }
        alerts:
          - { webhook: "http://127.0.0.1:9999/hook", monitors: [answers-stay-on-topic] }
        environments:
          production:
            target: local
            rollout: { steps: [10, 50, 100], interval: 5s, min_requests: 30, monitors: [answers-stay-on-topic] }
          staging: { target: local, require: [approval] }
        tools:
          search: { path: tools/search.json }
        ci:
          lint: { steps: [{ run: sh lint.sh }] }
          quality:
            on: { push: [main, "feature/*"], paths: ["prompts/*"], registry: true, schedule: [{ cron: "0 3 * * 1-5", branch: main }, "30 4 * * *"] }
            needs: [lint]
            runner: builtin
            steps: [{ name: look at the data, run: sh check.sh }, { suites: all }, { sync: true }]
            timeout: 30m
            memory: 2GiB
            cpu: 10m
            required: true
            environment: { MODE: fast }
            junit: [reports/*.xml]
            artifacts: [reports/*]
          nightly: { on: { registry: true }, runner: jenkins }
        reproduce:
          tolerance: { loss: 0.001, "val_*": 1% }
          ignore: [tokens_per_second]

        """;

    public const string Minimal = """
        apiVersion: pilothouse/v1
        project: p

        """;

    public const string ChatPrompt = """
        description: answers a customer
        messages:
          - { role: system, content: "Shop: {shop}" }
          - { role: user, content: "{{ prompt }} {\"json\": {\"kept\": 1}}" }
        variables:
          shop: { type: enum, required: false, values: [lamps, chairs], default: lamps, description: which shop }
          prompt: string
        parameters: { temperature: 0 }

        """;
}
