namespace Pilothouse.Commands;

/// <summary>Report files of a verb, written only when they were asked for.</summary>
internal static class ReportFiles
{
    public static async Task WriteAsync(FileInfo? file, Func<string> content, CancellationToken ct)
    {
        if (file is null) return;
        if (file.Directory is { Exists: false } directory) directory.Create();
        await File.WriteAllTextAsync(file.FullName, content(), ct);
        await Console.Error.WriteLineAsync($"wrote {file}");
    }
}
