namespace Pilothouse.Web.Layout;

/// <summary>The main menu, in the order of a change's way: build, prove, operate.</summary>
internal static class Menu
{
    public static IReadOnlyList<MenuGroup> Groups { get; } =
    [
        new("", [new("Overview", "/", "home")]),
        new("Build", [new("Repositories", "/projects", "commit"), new("Experiments", "/experiments", "flask", "/runs"), new("Models", "/models", "box", "/diff/models"), new("Data sets", "/datasets", "table"), new("Prompts", "/prompts", "text", "/diff/prompts")]),
        new("Prove", [new("Evaluations", "/evaluations", "check", "/suites"), new("Fairness", "/fairness", "scale"), new("Releases", "/releases", "tag", "/diff/releases")]),
        new("Operate", [new("Traces", "/traces", "trace"), new("Monitors", "/monitors", "pulse"), new("Alerts", "/alerts", "bell"), new("Storage", "/storage", "disk"), new("Audit log", "/audit", "chain")]),
    ];
}

internal sealed record MenuGroup(string Title, IReadOnlyList<MenuItem> Items);

/// <param name="More">Another path whose pages belong to this entry.</param>
internal sealed record MenuItem(string Text, string Path, string Icon, string? More = null)
{
    public IEnumerable<string> Prefixes => More is null ? [Path] : [Path, More];
}
