namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>
/// Chat messages of a prompt file for one input. What is tested and what is served must be the same text, so evaluation, fairness and the
/// gateway all go through here.
/// </summary>
public static class PromptRenderer
{
    /// <summary>Variables that stand for the input when no field of that name is given.</summary>
    public static IReadOnlyList<string> InputVariables { get; } = ["input", "prompt", "question"];

    /// <summary>
    /// No prompt file: the input as the user's message. A text template: one user message. Chat messages: each rendered.
    /// </summary>
    /// <param name="values">Further variables, such as the other fields of a test case.</param>
    /// <exception cref="ProtocolFormatException">A variable has no value.</exception>
    public static IReadOnlyList<(string Role, string Content)> Messages(PromptFile? prompt, string input, IReadOnlyDictionary<string, string> values)
    {
        if (prompt is null) return [("user", input)];
        var all = new Dictionary<string, string>(values, StringComparer.Ordinal);
        foreach (var name in InputVariables) all.TryAdd(name, input);
        foreach (var (name, text) in PromptVariables.Defaults(prompt.Declared)) all.TryAdd(name, text);
        if (prompt.Template is { } template) return [("user", template.Render(all))];
        return [.. prompt.Messages.Select(m => (m.Role, m.Content.Render(all)))];
    }
}
