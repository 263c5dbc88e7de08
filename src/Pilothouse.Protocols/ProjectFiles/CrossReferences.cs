using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Checks that what one section names, another defines, and that it is of the right kind.</summary>
internal sealed class CrossReferences(ProjectFile file, YamlMapping root, FaultList faults)
{
    public void Check()
    {
        foreach (var (name, suite) in file.Suites)
        {
            var path = $"suites.{name}";
            Known(file.Models, suite.Model, path, "model", "models");
            Known(file.Data, suite.Data, path, "data", "data");
            // Without scorers something else is wrong, and said already.
            for (var i = 0; i < suite.Gates.Count && suite.Scorers.Count > 0; i++)
                KnownName([.. suite.Scorers.Select(s => s.Name)], suite.Gates[i].Scorer, $"{path}.gates[{i}].scorer", $"{path}.scorers");
            CheckScorers(suite, path);
        }

        foreach (var (name, check) in file.Fairness)
        {
            Known(file.Models, check.Model, $"fairness.{name}", "model", "models");
            if (check.Data is { } data)
                Known(file.Data, data, $"fairness.{name}", "data", "data");
            var needed = check.Method == FairnessMethod.GroupRates ? ModelKind.Classifier : ModelKind.Generative;
            if (file.Models.TryGetValue(check.Model, out var model) && model.Kind != needed)
                Fault($"fairness.{name}.model", $"This method needs a {Word(needed)}, but '{check.Model}' is a {Word(model.Kind)}.", "Choose another model or method.");
        }

        foreach (var (name, monitor) in file.Monitors)
            Known(file.Models, monitor.Model, $"monitors.{name}", "model", "models");
        for (var i = 0; i < file.Alerts.Count; i++)
            KnownMonitors(file.Alerts[i].Monitors, $"alerts[{i}].monitors");
        foreach (var (name, environment) in file.Environments)
            KnownMonitors(environment.Rollout.Monitors, $"environments.{name}.rollout.monitors");
        foreach (var (name, job) in file.Ci)
            CheckJob(name, job);
    }

    private void CheckJob(string name, CiJobEntry job)
    {
        for (var i = 0; i < job.Needs.Count; i++)
            KnownName([.. file.Ci.Keys], job.Needs[i], $"ci.{name}.needs[{i}]", "ci");
        for (var i = 0; i < job.Steps.Count; i++)
            for (var j = 0; j < (job.Steps[i].Suites?.Count ?? 0); j++)
                KnownName([.. file.Suites.Keys], job.Steps[i].Suites![j], $"ci.{name}.steps[{i}].suites[{j}]", "suites");
        if (CiJobs.WithNeeds(file.Ci, job.Needs).Contains(name))
            Fault($"ci.{name}.needs", $"'{ObjectReader.Shorten(name)}' would wait for itself.", "Take one of these needs away.");
    }

    private void CheckScorers(SuiteEntry suite, string path)
    {
        for (var i = 0; i < suite.Scorers.Count; i++)
        {
            var (scorer, at) = (suite.Scorers[i], $"{path}.scorers[{i}]");
            for (var j = 0; j < scorer.Judges.Count; j++)
            {
                KnownName([.. file.Models.Keys], scorer.Judges[j], $"{at}.judges[{j}]", "models");
                if (file.Models.TryGetValue(scorer.Judges[j], out var judge) && judge.Kind != ModelKind.Generative)
                    Fault($"{at}.judges[{j}]", $"'{scorer.Judges[j]}' is a classifier; judges write.", "Name a generative model.");
            }
            if (!file.Models.TryGetValue(suite.Model, out var model)) continue;
            if (model.Kind == ModelKind.Generative && scorer.Type is (ScorerType.Accuracy or ScorerType.ClassF1 or ScorerType.Mcc or ScorerType.Auroc or ScorerType.Brier or ScorerType.Ece))
                Fault($"{at}.type", $"{SnakeCase(scorer.Type)} judges labels, but '{suite.Model}' is generative.", "Use exact or contains, or a classifier.");
            if (model.Engine == ModelEngine.OpenAi && scorer.Type is (ScorerType.Perplexity or ScorerType.MultipleChoice))
                Fault($"{at}.type", $"{SnakeCase(scorer.Type)} needs the probability of given texts, which engine openai does not tell.", "Use engine: onnx, or another scorer.");
            if (model.Kind == ModelKind.Classifier && scorer.Type is (ScorerType.Perplexity or ScorerType.MultipleChoice or ScorerType.Tokens or ScorerType.Cost or ScorerType.ToolCall))
                Fault($"{at}.type", $"{SnakeCase(scorer.Type)} judges generated text, but '{suite.Model}' is a classifier.", "Use accuracy, or a generative model.");
            if (scorer.Type == ScorerType.Cost && model.Price is null)
                Fault($"{at}.type", $"The cost of '{suite.Model}' is not known.", $"Add price: {{ input: 0.5, output: 1.5 }} (a million tokens) to models.{suite.Model}.");
        }
    }

    private static string SnakeCase(ScorerType type) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(type.ToString());

    private static string Word(ModelKind kind) => kind == ModelKind.Classifier ? "classifier" : "generative model";

    private void KnownMonitors(IReadOnlyList<string> monitors, string path)
    {
        for (var i = 0; i < monitors.Count; i++)
            KnownName([.. file.Monitors.Keys], monitors[i], $"{path}[{i}]", "monitors");
    }

    private void Known<T>(IReadOnlyDictionary<string, T> defined, string name, string path, string key, string section) =>
        KnownName([.. defined.Keys], name, $"{path}.{key}", section);

    private void KnownName(IReadOnlyCollection<string> defined, string name, string path, string section)
    {
        // An empty name was already reported as missing; a definition with faults of its own may be absent here, but is in the file.
        if (faults.IsFull || name.Length == 0 || defined.Contains(name) || YamlPath.Find(root, $"{section}.{name}") is not null)
            return;
        var near = Suggestion.Nearest(name, defined);
        var remedy = near is not null ? $"Did you mean '{near}'?"
            : defined.Count == 0 ? $"Define it under {section}."
            : $"Define it under {section}, or use one of: {string.Join(", ", defined.Take(10))}.";
        Fault(path, $"'{ObjectReader.Shorten(name)}' is not defined under {section}.", remedy);
    }

    private void Fault(string path, string message, string remedy) => faults.Add(YamlPath.Find(root, path) ?? root, path, message, remedy);
}
