using System.CommandLine;
using System.Globalization;
using Pilothouse.Datasets;
using Pilothouse.Protocols;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse data check | balance | augment</c>: files in, files out, no server.</summary>
internal static class DataCommand
{
    private const int MaxShownValues = 20;

    public static Command Create() => new("data", "Look into data sets, balance and augment them.") { Check(), Balance(), Augment() };

    private static Command Check()
    {
        var file = File();
        var label = new Option<string>("--label") { Description = "Field with the label." };
        var group = new Option<string>("--group") { Description = "Field that names the group of people a row speaks of." };
        var strict = new Option<bool>("--strict") { Description = "Exit code 1 when there is any warning." };
        var command = new Command("check", "Rows, fields, duplicates, balance of labels and groups, and what to look at.") { file, label, group, strict };
        command.SetAction((result, _) => Task.FromResult(Guard(() =>
        {
            var profile = DataProfiler.Profile(Read(result.GetValue(file)!), result.GetValue(label), result.GetValue(group));
            Print(result.GetValue(file)!, profile);
            return result.GetValue(strict) && profile.Warnings.Count > 0 ? ExitCode.Failed : ExitCode.Ok;
        })), guarded: true);
        return command;
    }

    private static Command Balance()
    {
        var (file, output, seed) = (File(), Output(), Seed());
        var label = new Option<string>("--label") { Description = "Field with the label.", Required = true };
        var group = new Option<string>("--group") { Description = "Balance the labels within each group of this field." };
        var method = new Option<BalanceMethod>("--method") { Description = "oversample: repeat rows of the smaller cells, marked as copies; weight: add a weight to each row.", DefaultValueFactory = _ => BalanceMethod.Oversample };
        var command = new Command("balance", "Balance training data by label (and group). Never for test data.") { file, label, group, method, output, seed };
        command.SetAction((result, _) => Task.FromResult(Guard(() =>
        {
            var rows = ReadTraining(result.GetValue(file)!);
            var balanced = Balancer.Balance(rows, result.GetValue(label)!, result.GetValue(group), result.GetValue(method), result.GetValue(seed));
            Write(result.GetValue(output)!, balanced);
            Console.WriteLine($"{rows.Count} rows became {balanced.Count} in {result.GetValue(output)}");
            return ExitCode.Ok;
        })), guarded: true);
        return command;
    }

    private static Command Augment()
    {
        var (file, output, seed) = (File(), Output(), Seed());
        var operation = new Option<string>("--operator") { Description = $"One of: {string.Join(", ", Augmenter.OperatorNames)}.", Required = true };
        var fields = new Option<string[]>("--field") { Description = "Text field to change (may be repeated: prompt and answer of counterfactual pairs).", Required = true };
        var command = new Command("augment", "Add changed copies of training rows, each with its parent, operator and seed.") { file, operation, fields, output, seed };
        command.SetAction((result, _) => Task.FromResult(Guard(() =>
        {
            var rows = ReadTraining(result.GetValue(file)!);
            var augmented = Augmenter.Augment(rows, result.GetValue(operation)!, result.GetValue(fields)!, result.GetValue(seed));
            Write(result.GetValue(output)!, augmented);
            Console.WriteLine($"{rows.Count} rows became {augmented.Count} in {result.GetValue(output)}");
            return ExitCode.Ok;
        })), guarded: true);
        return command;
    }

    private static Argument<string> File() => new("file") { Description = "JSONL; CSV with a header line when the name ends in .csv; Parquet when it ends in .parquet." };

    private static Option<string> Output() => new("--output", "-o") { Description = "File to write.", Required = true };

    private static Option<ulong> Seed() => new("--seed") { Description = "Same seed, same result.", DefaultValueFactory = _ => 1 };

    private static int Guard(Func<int> run)
    {
        try
        {
            return run();
        }
        catch (ProtocolFormatException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static IReadOnlyList<DataRow> Read(string path)
    {
        if (!System.IO.File.Exists(path)) throw new UsageException($"{path} does not exist.");
        using var stream = System.IO.File.OpenRead(path);
        return RowReader.Read(stream, path, RowReader.FormatOf(path));
    }

    /// <summary>Most files say by their name what they are for; rows that say it themselves are refused by the rules.</summary>
    private static IReadOnlyList<DataRow> ReadTraining(string path)
    {
        var name = Path.GetFileNameWithoutExtension(path).ToLowerInvariant();
        if (name is "test" or "dev" or "validation" || name.Contains("heldout", StringComparison.Ordinal) || name.Contains("held-out", StringComparison.Ordinal))
            throw new UsageException($"{path} looks like a held-out set: only training data may be balanced or augmented, or a test would no longer be what the world sends. Rename the file if it is training data.");
        return Read(path);
    }

    /// <summary>Through a file beside it, so that a failure leaves no half file and input and output may be the same.</summary>
    private static void Write(string path, IReadOnlyList<DataRow> rows)
    {
        if (RowReader.FormatOf(path) == RowFormat.Parquet) throw new UsageException("Parquet is read, not written. Name the output .jsonl or .csv.");
        if (Path.GetDirectoryName(path) is { Length: > 0 } directory) Directory.CreateDirectory(directory);
        var part = path + ".part";
        using (var writer = new StreamWriter(part)) RowWriter.Write(writer, rows, RowReader.FormatOf(path));
        System.IO.File.Move(part, path, overwrite: true);
    }

    private static void Print(string path, DataProfile profile)
    {
        Console.WriteLine($"{path}: {profile.Rows} rows, {profile.Columns.Count} fields, {profile.Duplicates} duplicates");
        foreach (var column in profile.Columns) Console.WriteLine($"  {column.Name,-24} {string.Join('|', column.Types),-16} {column.Distinct,8} different {column.Missing,8} missing");
        Table("label", profile.Labels, profile.Rows);
        Table("group", profile.Groups, profile.Rows);
        foreach (var group in profile.Cells.GroupBy(c => c.Group).Take(MaxShownValues))
            Console.WriteLine($"  group {group.Key,-18} {string.Join("  ", group.Take(MaxShownValues).Select(c => $"{c.Label} {c.Count} ({Percent(c.Count, group.Sum(g => g.Count))})"))}");
        foreach (var warning in profile.Warnings) Console.WriteLine($"warning: {warning}");
    }

    private static void Table(string name, IReadOnlyList<ValueCount> values, int rows)
    {
        foreach (var value in values.Take(MaxShownValues)) Console.WriteLine($"  {name} {value.Value,-18} {value.Count,8} {Percent(value.Count, rows),7}");
        if (values.Count > MaxShownValues) Console.WriteLine($"  ... and {values.Count - MaxShownValues} more values of {name}");
    }

    private static string Percent(int part, int whole) => whole == 0 ? "" : ((double)part / whole).ToString("P1", CultureInfo.InvariantCulture);
}
