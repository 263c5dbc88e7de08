using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <param name="reference"><c>models:/NAME/VERSION</c>, <c>runs:/ID</c>, <c>git:COMMIT</c>, a release's digest, <c>PROJECT/ENVIRONMENT</c>, ...</param>
    /// <param name="direction"><c>up</c>, <c>down</c> or <c>both</c>.</param>
    public Task<LineageGraph> GetLineageAsync(string reference, string direction, int limit, CancellationToken ct) =>
        GetAsync<LineageGraph>($"api/v1/lineage?ref={Uri.EscapeDataString(reference)}&direction={direction}&limit={limit.ToString(CultureInfo.InvariantCulture)}", ct);
}
