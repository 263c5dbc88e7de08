using Pilothouse.Data;
using Pilothouse.Server.Modules.Tracking.Garbage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>SQL of <c>trk_artifact</c>: the tree of paths over the blobs.</summary>
internal sealed class ArtifactStore(Db db)
{
    private const string Columns = "path AS Path, digest AS Digest, size AS Size";

    public Task<ArtifactRow?> FindAsync(string path, CancellationToken ct) =>
        db.ReadAsync(session => session.FirstOrDefaultAsync<ArtifactRow>($"SELECT {Columns} FROM trk_artifact WHERE path = @path", new { path }), ct);

    /// <summary>Names a blob; directories above it come into being.</summary>
    public Task PutAsync(string path, string digest, long size, long now, CancellationToken ct) => db.WriteAsync(session => PutAsync(session, path, digest, size, now), ct);

    /// <inheritdoc cref="PutAsync(string, string, long, long, CancellationToken)"/>
    public static async Task PutAsync(DbSession session, string path, string digest, long size, long now)
    {
        var old = await session.ScalarAsync<string>("SELECT digest FROM trk_artifact WHERE path = @path", new { path });
        const string file = """
            INSERT INTO trk_artifact (path, parent, digest, size, updated_ms) VALUES (@path, @parent, @digest, @size, @now)
            ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, size = excluded.size, updated_ms = excluded.updated_ms WHERE trk_artifact.digest IS NOT NULL
            """;
        if (await session.ExecuteAsync(file, new { path, parent = Parent(path), digest, size, now }) == 0)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{path}' is a directory; choose another name for the file.");
        if (old is not null && old != digest) await GarbageStore.AddAsync(session, [old], now);
        for (var directory = Parent(path); directory.Length > 0; directory = Parent(directory))
        {
            const string make = "INSERT INTO trk_artifact (path, parent, digest, size, updated_ms) VALUES (@directory, @parent, NULL, 0, @now) ON CONFLICT (path) DO NOTHING";
            if (await session.ExecuteAsync(make, new { directory, parent = Parent(directory), now }) > 0) continue;
            if (await session.ScalarAsync<string>("SELECT digest FROM trk_artifact WHERE path = @directory", new { directory }) is not null)
                throw new PilothouseException(ErrorCode.InvalidArgument, $"'{directory}' is a file: nothing can be stored below it.");
            return; // the directory, and so all above it, is there
        }
    }

    /// <summary>Files and directories directly below a directory, by name.</summary>
    public Task<List<ArtifactRow>> ListAsync(string directory, string after, int limit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<ArtifactRow>(
        $"SELECT {Columns} FROM trk_artifact WHERE parent = @directory AND path > @after ORDER BY path LIMIT @limit", new { directory, after, limit }), ct);

    /// <summary>All files below a directory, by path.</summary>
    public Task<List<ArtifactRow>> TreeAsync(string directory, int limit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<ArtifactRow>(
        $"SELECT {Columns} FROM trk_artifact WHERE digest IS NOT NULL AND path >= @first AND path < @end ORDER BY path LIMIT @limit",
        new { first = directory.Length == 0 ? "" : directory + "/", end = directory.Length == 0 ? "\U0010FFFF" : directory + "0", limit }), ct); // '0' follows '/'

    /// <summary>Removes a file or a whole directory; what is not there is no fault. The blobs stay until `pilothouse gc` finds that nobody names them.</summary>
    public Task DeleteAsync(string path, long now, CancellationToken ct) => db.WriteAsync(session => DeleteAsync(session, path, now), ct);

    /// <inheritdoc cref="DeleteAsync(string, long, CancellationToken)"/>
    public static async Task DeleteAsync(DbSession session, string path, long now)
    {
        const string below = "path = @path OR path >= @first AND path < @end"; // '0' follows '/'
        var args = new { path, first = path + "/", end = path + "0" };
        var digests = await session.QueryAsync<string>($"SELECT DISTINCT digest FROM trk_artifact WHERE digest IS NOT NULL AND ({below})", args);
        await GarbageStore.AddAsync(session, digests, now);
        await session.ExecuteAsync($"DELETE FROM trk_artifact WHERE {below}", args);
    }

    /// <summary>Number and bytes of the files below a directory.</summary>
    public static async Task<(long Files, long Bytes)> SizeAsync(DbSession session, string directory)
    {
        var row = await session.FirstOrDefaultAsync<SizeRow>("SELECT COUNT(*) AS Files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS Bytes FROM trk_artifact WHERE digest IS NOT NULL AND path >= @first AND path < @end",
            new { first = directory + "/", end = directory + "0" });
        return (row!.Files, row.Bytes);
    }

    private static string Parent(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "";

    internal sealed class ArtifactRow
    {
        public string Path { get; set; } = "";
        /// <summary>Null = a directory.</summary>
        public string? Digest { get; set; }
        public long Size { get; set; }
    }

    private sealed class SizeRow
    {
        public long Files { get; set; }
        public long Bytes { get; set; }
    }
}
