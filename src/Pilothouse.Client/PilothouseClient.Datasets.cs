using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>All versions of all data sets.</summary>
    public Task<IReadOnlyList<DatasetVersion>> ListDatasetsAsync(CancellationToken ct) => GetAsync<IReadOnlyList<DatasetVersion>>("api/v1/datasets", ct);

    /// <param name="version">Null = the latest.</param>
    public Task<DatasetVersion> GetDatasetAsync(string name, int? version, CancellationToken ct) =>
        GetAsync<DatasetVersion>(version is { } number ? DatasetPath(name, number) : $"api/v1/datasets/{Uri.EscapeDataString(name)}", ct);

    /// <summary>Registers blobs with rows; the server reads them once and refuses the version whole at the first bad row.</summary>
    public Task<DatasetVersion> RegisterDatasetAsync(string name, NewDatasetVersion version, CancellationToken ct) =>
        PostAsync<DatasetVersion>($"api/v1/datasets/{Uri.EscapeDataString(name)}/versions", version, ct);

    /// <summary>Schema and profile.</summary>
    public Task<DatasetProfile> GetDatasetProfileAsync(string name, int version, CancellationToken ct) => GetAsync<DatasetProfile>($"{DatasetPath(name, version)}/profile", ct);

    /// <param name="split">Null = all files.</param>
    /// <param name="limit">1 to 100.</param>
    public Task<DatasetRows> GetDatasetRowsAsync(string name, int version, string? split, long offset, int limit, CancellationToken ct) =>
        GetAsync<DatasetRows>(string.Create(CultureInfo.InvariantCulture, $"{DatasetPath(name, version)}/rows?offset={offset}&limit={limit}{(split is null ? "" : "&split=" + Uri.EscapeDataString(split))}"), ct);

    /// <summary>Makes splits by a hash, as a new version.</summary>
    public Task<DatasetVersion> SplitDatasetAsync(string name, int version, SplitRequest request, CancellationToken ct) => PostAsync<DatasetVersion>($"{DatasetPath(name, version)}/split", request, ct);

    /// <summary>Draws rows into a new version.</summary>
    public Task<DatasetVersion> SampleDatasetAsync(string name, int version, SampleRequest request, CancellationToken ct) => PostAsync<DatasetVersion>($"{DatasetPath(name, version)}/sample", request, ct);

    /// <summary>A page of the rows that differ.</summary>
    /// <param name="key">Field that names a row in both; null = whole rows.</param>
    /// <param name="kind">added, removed or changed.</param>
    public Task<DatasetDiffPage> GetDatasetDiffAsync(DatasetVersion from, DatasetVersion to, string? key, string kind, long offset, int limit, CancellationToken ct) =>
        GetAsync<DatasetDiffPage>(string.Create(CultureInfo.InvariantCulture,
            $"{DatasetPath(from.Name, from.Version)}/diff/{Uri.EscapeDataString(to.Name)}/{to.Version}?kind={kind}&offset={offset}&limit={limit}{(key is null ? "" : "&key=" + Uri.EscapeDataString(key))}"), ct);

    /// <summary>Rows that stand in two splits.</summary>
    /// <param name="fields">Fields that make rows the same; empty = all.</param>
    public Task<DatasetLeaks> GetDatasetLeaksAsync(string name, int version, IReadOnlyList<string> fields, CancellationToken ct) =>
        GetAsync<DatasetLeaks>($"{DatasetPath(name, version)}/leaks{(fields.Count == 0 ? "" : "?" + string.Join('&', fields.Select(f => "field=" + Uri.EscapeDataString(f))))}", ct);

    private static string DatasetPath(string name, int version) => string.Create(CultureInfo.InvariantCulture, $"api/v1/datasets/{Uri.EscapeDataString(name)}/versions/{version}");
}
