using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>The sum of the version counters, which never go back. A name that was given up by renaming does not count: its versions, and its counter, are under the new one.</summary>
internal sealed class VersionFeed(Db db) : IVersionFeed
{
    private static readonly string[] Types = [LineageKind.Model, LineageKind.Prompt, LineageKind.Dataset];

    public async Task<string> StateAsync(CancellationToken ct) => (await db.ReadAsync(session => session.ScalarAsync<long?>(
        $"SELECT CAST(SUM(latest_version) AS BIGINT) FROM reg_object WHERE renamed_to IS NULL AND {session.Dialect.In("object_type", "@Types")}", new { Types }), ct) ?? 0).ToString(CultureInfo.InvariantCulture);
}
