using System.CommandLine;
using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse dataset register | list | show | rows | split | sample | diff | leaks | delete</c>.</summary>
internal static class DatasetCommand
{
    public static Command Create() => new("dataset", "Registered data sets: numbered versions that never change.")
    {
        DatasetRegister.Create(), List(), DatasetShow.Create(), DatasetShow.Rows(), DatasetMake.Split(), DatasetMake.Sample(), DatasetDiffCommand.Create(), DatasetDiffCommand.Leaks(), RegistryVerbs.Delete(RegistryReference.Datasets),
    };

    /// <summary>NAME/VERSION, or NAME for the latest; <c>datasets:/</c> before it is fine.</summary>
    internal static Argument<string> Reference(string name = "dataset") => new(name) { Description = "NAME/VERSION, or NAME for the latest." };

    internal static async Task<DatasetVersion> ResolveAsync(PilothouseClient client, string reference, CancellationToken ct)
    {
        var text = reference.StartsWith("datasets:/", StringComparison.Ordinal) ? reference["datasets:/".Length..] : reference;
        var (name, number) = text.Split('/') switch
        {
            [{ Length: > 0 } only] => (only, null),
            [{ Length: > 0 } first, "latest"] => (first, null),
            [{ Length: > 0 } first, var second] when int.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) => (first, (int?)parsed),
            _ => throw new UsageException($"'{reference}' is not a data set. Write NAME/VERSION, or NAME for the latest."),
        };
        return await client.GetDatasetAsync(name, number, ct);
    }

    internal static string Describe(DatasetVersion version) =>
        $"{version.Reference} {version.Digest} ({version.Rows} rows{(version.Splits.Count == 0 ? "" : $": {string.Join(", ", version.Splits.Select(s => $"{s.Name} {s.Rows}"))}")})";

    private static Command List() => RegistryVerbs.List("All data sets and their versions.", (client, ct) => client.ListDatasetsAsync(ct), ["REFERENCE", "FORMAT", "ROWS", "SPLITS", "SIZE", "CREATED", "DIGEST"],
        d => [d.Reference, d.Format, $"{d.Rows}", string.Join(' ', d.Splits.Select(s => $"{s.Name}:{s.Rows}")), $"{d.Size}", Output.Time(d.CreatedMs), d.Digest]);
}
