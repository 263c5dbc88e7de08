using System.Diagnostics;

namespace Pilothouse.Demo;

/// <summary>What the demo prints: numbered steps, the commands a user would type, their own output, and a check mark for what was shown.</summary>
internal sealed class DemoTerminal
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly bool _color = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null;
    private Stopwatch _step = new();

    public int Failures { get; private set; }

    public TimeSpan Elapsed => _total.Elapsed;

    public void Step(int number, string title)
    {
        Console.WriteLine();
        Console.WriteLine(Paint("1", $"{number,2}  {title}"));
        _step = Stopwatch.StartNew();
    }

    /// <summary>A command as it could be typed.</summary>
    public void Typed(string command) => Console.WriteLine("    " + Paint("36", "$ " + command));

    public void Line(string text) => Console.WriteLine(Paint("2", "      " + text));

    /// <summary>What had to be shown, and whether it was. A failed check makes the demo fail at its end, not at once: the rest still tells something.</summary>
    public void Check(bool shown, string what)
    {
        if (!shown) Failures++;
        Console.WriteLine($"    {(shown ? Paint("32", "✔") : Paint("31", "✘"))} {what}{(shown ? "" : Paint("31", "  (expected, and not so)"))} {Paint("2", $"[{_step.Elapsed.TotalSeconds:0.0} s]")}");
    }

    public void Note(string text) => Console.WriteLine("    " + text);

    private string Paint(string code, string text) => _color ? $"\u001b[{code}m{text}\u001b[0m" : text;
}
