using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Imports;

/// <summary><c>pilothouse import tensorboard DIR [--watch]</c>.</summary>
internal static class TensorBoardImportCommand
{
    /// <summary>Notes of one file that are printed; --json has all that the server keeps.</summary>
    private const int MaxPrinted = 10;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var directory = new Argument<DirectoryInfo>("directory") { Description = "TensorBoard's log directory: every directory in it with event files is a run." };
        var experiment = new Option<string>("--experiment", "-e") { Description = "Experiment of the runs; created when there is none (default: the name of the directory)." };
        var source = new Option<string>("--source") { Description = "Name of what is imported, by which its runs are found again (default: the directory's full path). Give the old one when the directory has moved." };
        var watch = new Option<bool>("--watch", "-w") { Description = "Stay and follow: growing files, new files, new runs, until interrupted. The runs show as running." };
        var interval = new Option<int>("--interval") { Description = "Seconds between two looks at the files with --watch; changes the system tells of are seen at once.", DefaultValueFactory = _ => 5 };
        var json = Output.JsonOption();
        var command = new Command("tensorboard", """
            Import TensorBoard event files: scalars, histograms, texts, images, audio, PR curves, hparams and other tensors, in the form of TensorFlow 2 and in that of PyTorch. Every point
            is kept. Files are read on from where they were left; what was read, skipped and why is reported. The exit code is 1 when a file is damaged.
            """) { directory, experiment, source, watch, interval, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var root = result.GetValue(directory)!;
            if (!root.Exists) throw new DirectoryNotFoundException($"There is no directory {root.FullName}.");
            if (result.GetValue(interval) < 1) throw new UsageException("--interval must be 1 or more.");
            var import = new TensorBoardImport(client, TimeProvider.System, root.FullName, result.GetValue(source) ?? root.FullName, result.GetValue(experiment) ?? root.Name);
            if (result.GetValue(watch)) await new TensorBoardWatch(import, TimeProvider.System, TimeSpan.FromSeconds(result.GetValue(interval)), Console.Error.WriteLine).RunAsync(ct);
            else
            {
                await import.PassAsync(ct);
                await import.FinishAsync(ct);
            }
            var report = await import.ReportAsync(CancellationToken.None);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(report));
            else Print(report);
            return report.Damaged ? ExitCode.Failed : ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static void Print(TensorBoardReport report)
    {
        if (report.Runs.Count == 0) Console.WriteLine($"No event files below {report.Directory}: their names contain 'tfevents'.");
        else Output.Table(["RUN", "ID", "FILES", "EVENTS", "POINTS", "MEDIA", "NEW BYTES", "WAITING", "NOTES"], report.Runs.Select(r => new[]
        {
            r.Path, r.RunId, $"{r.Files.Count}", $"{r.Files.Sum(f => f.Events)}", $"{r.Files.Sum(f => f.Points)}", $"{r.Files.Sum(f => f.Media)}", $"{r.NewBytes}",
            $"{r.Files.Where(f => f.State == "reading").Sum(f => f.Size - f.Position)}", $"{r.Files.Sum(f => f.NotesTotal)}",
        }));
        foreach (var run in report.Runs)
            foreach (var file in run.Files.Where(f => f.Notes.Count > 0)) PrintNotes(run, file);
        foreach (var problem in report.Problems) Console.WriteLine($"problem: {problem}");
    }

    private static void PrintNotes(TensorBoardRun run, EventFileState file)
    {
        Console.WriteLine($"\n{(run.Path == "." ? "" : run.Path + "/")}{file.Name}{(file.State == "ended" ? " (damaged)" : "")}");
        foreach (var note in file.Notes.Take(MaxPrinted)) Console.WriteLine($"  {note.Kind}: {note.Message}");
        if (file.NotesTotal > MaxPrinted) Console.WriteLine($"  ... and {file.NotesTotal - Math.Min(MaxPrinted, file.Notes.Count)} more notes");
    }
}
