using System.Text.Json;
using Pilothouse.Protocols.Diffs;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;

namespace Pilothouse.Server.Modules.Registry.Diffs;

internal sealed class PromptDiffService(IPrompts prompts) : IPromptDiffs
{
    private const int MaxParts = 1_000;

    public async Task<PromptDiff> CompareAsync(string from, string to, CancellationToken ct)
    {
        var (a, b) = (await prompts.GetAsync(from, ct), await prompts.GetAsync(to, ct));
        return Compare(new Side(a.Reference, Parts(a), a.Variables, a.TypedVariables ?? [], a.Parameters), new Side(b.Reference, Parts(b), b.Variables, b.TypedVariables ?? [], b.Parameters));
    }

    public PromptDiff CompareFiles(string from, string fromText, string to, string toText) => Compare(Read(from, fromText), Read(to, toText));

    private static Side Read(string reference, string text)
    {
        var (file, faults) = PromptFileReader.Parse(text);
        if (file is null) throw RegistryRules.Invalid($"{reference} is not a prompt file: {string.Join("; ", faults.Take(5))}");
        IReadOnlyList<(string, string)> parts = file.Template is { } template ? [("template", template.Text)] : [.. file.Messages.Select(m => (m.Role, m.Content.Text))];
        return new Side(reference, parts, file.Variables, file.Declared, file.Parameters);
    }

    private static IReadOnlyList<(string Role, string Text)> Parts(PromptVersion prompt) => prompt.Messages is { } messages ? [.. messages.Select(m => (m.Role, m.Content))] : [("template", prompt.Template)];

    private static PromptDiff Compare(Side a, Side b)
    {
        var parts = Parts(a.Parts, b.Parts);
        var variables = JsonKeys.Compare(Variables(a), Variables(b)).Select(c => new KeyChange("variables", c.Key, c.From, c.To)).ToList();
        var parameters = JsonKeys.Compare(Keys(a.Parameters), Keys(b.Parameters)).Select(c => new KeyChange("parameters", c.Key, c.From, c.To)).ToList();
        var changed = parts.Where(p => p.Change != "same").ToList();
        var (added, removed) = (changed.Sum(p => p.Lines.Count(l => l.Op == "+")), changed.Sum(p => p.Lines.Count(l => l.Op == "-")));
        var what = new List<string>();
        if (changed.Count > 0) what.Add(parts is [{ Role: "template" }] ? $"template: {added} lines added, {removed} removed" : $"{changed.Count} of {parts.Count} messages changed: {added} lines added, {removed} removed");
        if (variables.Count > 0) what.Add($"variables: {string.Join(", ", variables.Select(v => v.Key).Distinct().Take(5))}");
        if (parameters.Count > 0) what.Add($"parameters: {string.Join(", ", parameters.Select(p => p.Key).Distinct().Take(5))}");
        return new PromptDiff(a.Reference, b.Reference, what.Count == 0 ? "The same prompt." : string.Join("; ", what), parts, variables, parameters);
    }

    /// <summary>Messages are matched by their place: the role is part of what is compared.</summary>
    private static List<PromptPart> Parts(IReadOnlyList<(string Role, string Text)> a, IReadOnlyList<(string Role, string Text)> b)
    {
        var parts = new List<PromptPart>();
        for (var i = 0; i < Math.Min(Math.Max(a.Count, b.Count), MaxParts); i++)
        {
            if (i >= a.Count) parts.Add(Whole(b[i], "added", "+"));
            else if (i >= b.Count) parts.Add(Whole(a[i], "removed", "-"));
            else if (a[i].Role != b[i].Role) parts.AddRange([Whole(a[i], "removed", "-"), Whole(b[i], "added", "+")]);
            else parts.Add(new PromptPart(b[i].Role, a[i].Text == b[i].Text ? "same" : "changed", [.. LineDiff.Of(a[i].Text, b[i].Text).Select(l => new TextLine(l.Op.ToString(), l.Text))]));
        }
        return parts;
    }

    private static PromptPart Whole((string Role, string Text) part, string change, string op) => new(part.Role, change, [.. part.Text.ReplaceLineEndings("\n").Split('\n').Select(l => new TextLine(op, l))]);

    private static SortedDictionary<string, string> Variables(Side side)
    {
        var keys = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in side.Used)
        {
            var v = side.Declared.FirstOrDefault(d => d.Name == name) ?? new PromptVariable(name);
            keys[name] = v.Type + (v.Values is { } values ? $" [{string.Join(", ", values)}]" : "") + (v.Default is { } value ? $" = {value.GetRawText()}" : v.Required ? "" : ", optional");
        }
        return keys;
    }

    private static IReadOnlyDictionary<string, string> Keys(IReadOnlyDictionary<string, JsonElement>? parameters) =>
        parameters is null ? new Dictionary<string, string>() : JsonKeys.Of(JsonSerializer.SerializeToElement(parameters));

    private sealed record Side(string Reference, IReadOnlyList<(string Role, string Text)> Parts, IReadOnlyList<string> Used, IReadOnlyList<PromptVariable> Declared, IReadOnlyDictionary<string, JsonElement>? Parameters);
}
