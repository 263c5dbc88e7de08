using System.CommandLine;
using Pilothouse.Import.Mlflow;

namespace Pilothouse.Commands.Imports;

/// <summary><c>pilothouse import mlflow SOURCE</c>.</summary>
internal static class MlflowImportCommand
{
    /// <summary>Where MLflow keeps artifacts when it is not told otherwise.</summary>
    private static readonly string[] ArtifactFolders = ["mlartifacts", "mlruns"];

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var from = new Argument<string>("source") { Description = "sqlite:///PATH/mlflow.db, postgresql://USER:PASSWORD@HOST/DATABASE, an mlruns folder, or the address of a live server (http://...)." };
        var artifacts = new Option<DirectoryInfo>("--artifacts") { Description = "Folder that the old server kept artifacts in (mlflow-artifacts:); default: mlartifacts or mlruns beside the database." };
        var json = Output.JsonOption();
        var command = new Command("mlflow", "Import a store of MLflow: experiments (by name), runs with their ids, whole metric history, params, tags, inputs, logged models, artifacts, registered models and prompts with versions and aliases. "
            + "The source is only read. Run it again to take up an import that was cut short, or to bring what came since. Needs the admin role. Exit code 3 when something had to be left out; the report says what and why.") { from, artifacts, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await using var source = await OpenAsync(result.GetValue(from)!, result.GetValue(artifacts)?.FullName, ct);
            var report = await new MlflowImporter(source, client, text => Console.Error.WriteLine("pilothouse: " + text)).RunAsync(ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(new { Source = source.Description, report.Lines, report.Reasons }));
            else Print(report);
            return report.Complete ? ExitCode.Ok : ExitCode.Inconclusive;
        }, guarded: true);
        return command;
    }

    private static async Task<IMlflowSource> OpenAsync(string source, string? artifacts, CancellationToken ct)
    {
        const string sqlite = "sqlite:///";
        if (source.StartsWith(sqlite, StringComparison.Ordinal))
        {
            // As SQLAlchemy: sqlite:////abs/path, sqlite:///relative/path; three slashes and an absolute path are understood too.
            var path = Path.GetFullPath(source[sqlite.Length..] is var rest && !File.Exists(rest) && File.Exists("/" + rest) ? "/" + rest : rest);
            var home = Path.GetDirectoryName(path)!;
            return await DatabaseSource.OpenSqliteAsync(path, new LocalArtifacts(home, artifacts ?? Beside(home)), ct);
        }
        if (Uri.TryCreate(source, UriKind.Absolute, out var address) && !address.IsFile)
        {
            if (address.Scheme.Split('+')[0] is "postgresql" or "postgres") return await DatabaseSource.OpenPostgresAsync(address, new LocalArtifacts(Environment.CurrentDirectory, artifacts ?? Beside(Environment.CurrentDirectory)), ct);
            if (address.Scheme is "http" or "https") return new ServerSource(address);
            throw new UsageException($"{address.Scheme}: is not a store that can be read. Write sqlite:///PATH, postgresql://..., http://... or the path of an mlruns folder; of a MySQL store import its live server (http://...).");
        }
        var folder = address is { IsFile: true } ? address.LocalPath : source;
        if (File.Exists(folder)) throw new UsageException($"{folder} is a file. A SQLite database is written sqlite:///{Path.GetFullPath(folder)}.");
        return new FolderSource(folder, artifacts ?? Beside(Path.GetFullPath(Path.Combine(folder, ".."))));
    }

    private static string? Beside(string home) => ArtifactFolders.Select(name => Path.Combine(home, name)).FirstOrDefault(Directory.Exists);

    private static void Print(ImportReport report)
    {
        Output.Table(["KIND", "FOUND", "IMPORTED", "ALREADY HERE", "LEFT OUT"], report.Lines.Where(l => l.Found > 0).Select(l => new[] { l.Kind, Text(l.Found), Text(l.Imported), Text(l.Already), Text(l.Skipped) }));
        foreach (var reason in report.Reasons) Console.WriteLine($"left out: {(reason.Count > 0 ? $"{reason.Count} " : "")}{reason.Kind}: {reason.Text}");
    }

    private static string Text(long count) => count.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
