using System.CommandLine;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse init</c>: a project that `check` accepts, with a comment at every choice.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "Name of the project (default: the folder's name).", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("init", "Write a pilothouse.yaml, a prompt and a data set to begin with.") { name };
        command.SetAction(async (result, ct) =>
        {
            var project = result.GetValue(name) ?? new DirectoryInfo(".").Name.ToLowerInvariant();
            foreach (var (path, content) in Files(project))
            {
                if (File.Exists(path)) throw new UsageException($"{path} exists already; nothing was written over.");
                if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
                await File.WriteAllTextAsync(path, content, ct);
                Console.WriteLine($"wrote {path}");
            }
            Console.WriteLine($"Next: edit pilothouse.yaml, then 'pilothouse check', 'pilothouse project create {project}' and push.");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    internal static IEnumerable<(string Path, string Content)> Files(string project) =>
    [
        ("pilothouse.yaml", $$"""
            # What this project is, how it is tested, and how it goes to production.
            # Schema: docs/schema/pilothouse.schema.json
            apiVersion: pilothouse/v1
            project: {{project}}

            models:
              assistant:
                kind: generative
                engine: openai                 # any OpenAI-compatible server; 'onnx' runs a registered model inside Pilothouse
                url: http://127.0.0.1:8000/v1
                model: my-model
                prompt: prompts/assistant.yaml
                parameters: { temperature: 0, max_tokens: 256 }

            data:
              questions: { path: data/questions.jsonl }

            suites:
              quality:
                model: assistant
                data: questions
                scorers:
                  - { name: contains, type: contains }
                gates:
                  # Not worse than what is in production by more than 3 points, with 95 % confidence, on the same questions.
                  - { scorer: contains, type: non_inferiority, margin: 0.03, confidence: 0.95 }
                  - { scorer: contains, type: floor, min: 0.8 }

            monitors:
              errors:
                model: assistant
                metric: error_rate
                reference: 0.99                # share of answers without error when all is well
                alpha: 0.01                    # at most 1 % false alarms over the monitor's whole life

            environments:
              production:
                target: local
                rollout: { steps: [10, 50, 100], interval: 5m, min_requests: 200, monitors: [errors] }

            """),
        ("prompts/assistant.yaml", """
            description: Answers one question.
            template: "{input}"

            """),
        ("data/questions.jsonl", """
            {"id": "q1", "input": "What is the capital of France?", "expected": "Paris"}
            {"id": "q2", "input": "How many days has a leap year?", "expected": "366"}

            """),
    ];
}
