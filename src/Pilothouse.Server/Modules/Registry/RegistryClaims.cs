using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Files of registered models and data sets.</summary>
internal sealed class RegistryClaims(Db db) : IBlobClaims
{
    private const int PageSize = 200;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        await PagesAsync("SELECT name AS Name, version AS Version, project AS Project, files AS Files, NULL AS List FROM reg_version WHERE object_type = 'model' AND (name, version) > (@name, @version) ORDER BY name, version LIMIT @limit", "models", see, ct);
        await PagesAsync("SELECT name AS Name, version AS Version, project AS Project, files AS Files, digest AS List FROM reg_dataset_version WHERE (name, version) > (@name, @version) ORDER BY name, version LIMIT @limit", "datasets", see, ct);
    }

    private async Task PagesAsync(string sql, string scheme, Action<BlobClaim> see, CancellationToken ct)
    {
        var after = new Row();
        while (true)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>(sql, new { name = after.Name, version = after.Version, limit = PageSize }), ct);
            foreach (var row in page)
            {
                var files = WireJson.Read<List<ArtifactFile>>(row.Files);
                foreach (var file in files) See(file.Digest, file.Path);
                if (row.List is { } list && files.TrueForAll(f => f.Digest != list)) See(list, "(its list of files)");

                void See(string digest, string path) => see(new BlobClaim(row.Project, digest, $"{scheme}:/{row.Name}/{row.Version} {path}") { Kind = scheme == "models" ? "models" : "data sets" });
            }
            if (page.Count < PageSize) return;
            after = page[^1];
        }
    }

    private sealed class Row
    {
        public string Name { get; set; } = "";
        public long Version { get; set; }
        public string? Project { get; set; }
        public string Files { get; set; } = "";

        /// <summary>The list of a data set's files is a blob, too; of one that is one file, that file.</summary>
        public string? List { get; set; }
    }
}
