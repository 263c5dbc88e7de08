using System.Globalization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Browse;

/// <summary>Directories and their entries (<c>git ls-tree -z -l</c>).</summary>
internal sealed class TreeReader(Git git)
{
    private const int MaxItems = 5000;
    private const int MaxPath = 4096;
    private const byte Nul = 0;

    /// <summary>Directories first, then by name.</summary>
    public async Task<(IReadOnlyList<TreeItem> Items, bool Truncated)> ListAsync(string project, string commit, string path, CancellationToken ct)
    {
        List<TreeItem> items = [];
        await using var process = git.Start(project, ["ls-tree", "-z", "-l", $"{commit}:{path}"], Git.NoEnvironment);
        process.Input.Close();
        var reader = new DelimitedReader(process.Output);
        while (await reader.ReadAsync(Nul, ct) is { } piece)
        {
            if (items.Count == MaxItems) return (Sorted(items), true);
            if (piece.Length > 0) items.Add(Parse(Git.Text(piece.Span), path.Length == 0 ? "" : path + "/"));
        }
        var (exitCode, _) = await process.ExitAsync(ct);
        return exitCode == 0 ? (Sorted(items), false) : throw new PilothouseException(ErrorCode.NotFound, $"There is no directory '{path}' at {commit[..10]}.");
    }

    /// <returns>The entry of one path; null when it is not there.</returns>
    public async Task<TreeItem?> FindAsync(string project, string commit, string path, CancellationToken ct)
    {
        await using var process = git.Start(project, ["ls-tree", "-z", "-l", "--full-tree", commit, "--", path], Git.NoEnvironment);
        process.Input.Close();
        var piece = await new DelimitedReader(process.Output).ReadAsync(Nul, ct);
        return piece is { Length: > 0 } found ? Parse(Git.Text(found.Span), "") : null;
    }

    /// <exception cref="PilothouseException">InvalidArgument.</exception>
    public static string CheckPath(string? path)
    {
        var plain = (path ?? "").Trim('/');
        if (plain.Length > MaxPath || plain.Any(c => c is '\0' or '\n') || plain.Split('/').Any(p => p is "." or ".."))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"A path leads from the root of the repository to a file or directory, without . and .., in at most {MaxPath} characters.");
        return plain;
    }

    private static List<TreeItem> Sorted(List<TreeItem> items) => [.. items.OrderBy(i => i.Kind != "directory").ThenBy(i => i.Name, StringComparer.Ordinal)];

    // 100644 blob 62afc21...    1234 TAB name
    private static TreeItem Parse(string text, string prefix)
    {
        var tab = text.IndexOf('\t', StringComparison.Ordinal);
        var parts = text[..tab].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var path = prefix + text[(tab + 1)..];
        var kind = parts[0] switch { "040000" => "directory", "120000" => "link", "160000" => "submodule", _ => "file" };
        return new TreeItem(path[(path.LastIndexOf('/') + 1)..], path, kind, parts[2], long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null, parts[0] == "100755");
    }
}
