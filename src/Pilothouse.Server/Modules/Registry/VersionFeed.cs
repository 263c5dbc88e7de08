using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>The sum of the version counters, which never go back.</summary>
internal sealed class VersionFeed(Db db) : IVersionFeed
{
    private static readonly string[] Types = [LineageKind.Model, LineageKind.Prompt, LineageKind.Dataset];

    public async Task<string> StateAsync(CancellationToken ct) => (await db.ReadAsync(session => session.ScalarAsync<long?>(
        $"SELECT CAST(SUM(latest_version) AS BIGINT) FROM reg_object WHERE {session.Dialect.In("object_type", "@Types")}", new { Types }), ct) ?? 0).ToString(CultureInfo.InvariantCulture);
}
