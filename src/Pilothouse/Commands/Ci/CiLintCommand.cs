using System.CommandLine;
using Pilothouse.Protocols.Ci;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci lint</c>: checks pipeline files offline.</summary>
internal static class CiLintCommand
{
    private const long MaxBytes = 4 * 1024 * 1024;

    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "Pipeline files (default: every one that is here).", Arity = ArgumentArity.ZeroOrMore };
        var system = new Option<string>("--system") { Description = "Whose files they are, where the name does not tell: " + string.Join(", ", CiSystems.Names) + "." };
        system.AcceptOnlyFromAmong([.. CiSystems.Names]);
        var command = new Command("lint", "Check pipeline files offline: syntax, keys and types, and what names what. Every fault with its line and remedy; exit code 2 when there is any.") { files, system };
        command.SetAction(async (result, ct) =>
        {
            var chosen = result.GetValue(system) is { } name ? CiSystems.Parse(name) : null;
            var paths = result.GetValue(files) is { Length: > 0 } given ? given : [.. Found()];
            if (paths.Length == 0) throw new UsageException("There is no pipeline file here. Write one with: pilothouse ci init " + string.Join("|", CiSystems.Names));
            var count = 0;
            foreach (var path in paths) count += await CheckAsync(path, chosen, ct);
            return count == 0 ? ExitCode.Ok : Cli.Fail($"{count} fault(s)", ExitCode.Usage);
        }, guarded: true);
        return command;
    }

    private static async Task<int> CheckAsync(string path, CiSystem? chosen, CancellationToken ct)
    {
        if (!File.Exists(path)) throw new UsageException($"{path} does not exist.");
        if (new FileInfo(path).Length > MaxBytes) throw new UsageException($"{path} is larger than {MaxBytes / 1024 / 1024} MiB: that is no pipeline file.");
        var system = chosen ?? CiSystems.Detect(Path.GetFullPath(path)) ?? throw new UsageException($"{path}: whose file this is does not show in its name. Say it: --system {string.Join("|", CiSystems.Names)}.");
        var faults = CiLint.Check(system, await File.ReadAllTextAsync(path, ct));
        foreach (var fault in faults) await Console.Error.WriteLineAsync($"{path}:{fault}");
        if (faults.Count == 0) Console.WriteLine($"{path}: OK ({CiSystems.NameOf(system)})");
        return faults.Count;
    }

    private static IEnumerable<string> Found()
    {
        var workflows = Directory.Exists(".github/workflows") ? Directory.EnumerateFiles(".github/workflows").Where(f => Path.GetExtension(f) is ".yml" or ".yaml").Order(StringComparer.Ordinal) : Enumerable.Empty<string>();
        return Enum.GetValues<CiSystem>().Where(s => s != CiSystem.GitHub).Select(CiSystems.FileOf).Where(File.Exists).Concat(workflows);
    }
}
