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
            for (var i = 0; i < suite.Gates.Count; i++)
                KnownName([.. suite.Scorers.Select(s => s.Name)], suite.Gates[i].Scorer, $"{path}.gates[{i}].scorer", $"{path}.scorers");
            if (file.Models.TryGetValue(suite.Model, out var model) && model.Kind == ModelKind.Generative
                && suite.Scorers.ToList().FindIndex(s => s.Type == ScorerType.Accuracy) is >= 0 and var index)
            {
                Fault($"{path}.scorers[{index}].type", $"accuracy judges labels, but '{suite.Model}' is generative.", "Use exact or contains, or a classifier.");
            }
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
    }

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
