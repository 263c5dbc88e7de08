using System.CommandLine;
using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse dataset split | sample</c>: new versions made from a version.</summary>
internal static class DatasetMake
{
    public static Command Split()
    {
        var (server, json, reference, seed, to, stratify, description) = (Cli.ServerOption(), Output.JsonOption(), DatasetCommand.Reference(), Seed(), To(), Stratify(), Description());
        var shares = new Option<string>("--shares") { Description = "Parts and their shares.", DefaultValueFactory = _ => "train=0.8,validation=0.1,test=0.1" };
        var key = new Option<string>("--key") { Description = "Field whose value decides (rows of one value stay together); without it the whole row does." };
        var command = new Command("split", "Make train, validation and test by a hash: a row never changes its split when the data grow.") { reference, shares, key, stratify, seed, to, description, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = await DatasetCommand.ResolveAsync(client, result.GetValue(reference)!, ct);
            var made = await client.SplitDatasetAsync(version.Name, version.Version, new SplitRequest(Shares(result.GetValue(shares)!), result.GetValue(key), result.GetValue(stratify), result.GetValue(seed), result.GetValue(to), result.GetValue(description)), ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(made) : DatasetCommand.Describe(made));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    public static Command Sample()
    {
        var (server, json, reference, seed, to, stratify, description) = (Cli.ServerOption(), Output.JsonOption(), DatasetCommand.Reference(), Seed(), To(), Stratify(), Description());
        var rows = new Option<long>("--rows") { Description = "Rows to draw, without replacement.", Required = true };
        var split = new Option<string>("--split") { Description = "Draw from this split only." };
        var command = new Command("sample", "Draw rows into a new version: the same seed draws the same rows.") { reference, rows, split, stratify, seed, to, description, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = await DatasetCommand.ResolveAsync(client, result.GetValue(reference)!, ct);
            var made = await client.SampleDatasetAsync(version.Name, version.Version, new SampleRequest(result.GetValue(rows), result.GetValue(stratify), result.GetValue(seed), result.GetValue(split), result.GetValue(to), result.GetValue(description)), ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(made) : DatasetCommand.Describe(made));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Option<ulong> Seed() => new("--seed") { Description = "Same seed, same result.", DefaultValueFactory = _ => 1 };

    private static Option<string> To() => new("--to") { Description = "Data set that gets the new version; without it the same one." };

    private static Option<string> Stratify() => new("--stratify") { Description = "Field whose values keep their shares in every part." };

    private static Option<string> Description() => new("--description") { Description = "What it holds." };

    private static Dictionary<string, double> Shares(string text)
    {
        var shares = new Dictionary<string, double>();
        foreach (var part in text.Split(','))
        {
            if (part.Split('=') is not [{ Length: > 0 } name, var number] || !double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) || !shares.TryAdd(name.Trim(), share))
                throw new UsageException($"'{part}' is not a part with its share. Write --shares train=0.8,validation=0.1,test=0.1.");
        }
        return shares;
    }
}
