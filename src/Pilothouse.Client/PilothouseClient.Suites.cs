using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>All versions of all evaluation suites.</summary>
    public Task<IReadOnlyList<SuiteVersion>> ListSuitesAsync(CancellationToken ct) => GetAsync<IReadOnlyList<SuiteVersion>>("api/v1/suites", ct);

    /// <param name="version">Null = the latest.</param>
    public Task<SuiteVersion> GetSuiteAsync(string name, int? version, CancellationToken ct) =>
        GetAsync<SuiteVersion>($"api/v1/suites/{Uri.EscapeDataString(name)}" + (version is { } number ? $"/versions/{number.ToString(CultureInfo.InvariantCulture)}" : ""), ct);

    /// <summary>Registers the suites of a commit without running them.</summary>
    public Task<IReadOnlyList<SuiteVersion>> RegisterSuitesAsync(NewSuites suites, CancellationToken ct) => PostAsync<IReadOnlyList<SuiteVersion>>("api/v1/suites", suites, ct);
}
