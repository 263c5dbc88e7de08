using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry.Endpoints;

/// <summary>Data sets: versions, profile, rows, differences, leaks, splits and samples.</summary>
internal static class DatasetEndpoints
{
    private const string Version = "{name}/versions/{version:int}";

    public static void MapDatasets(this RouteGroupBuilder datasets)
    {
        datasets.MapDeletion(LineageKind.Dataset);
        datasets.MapGet("", (DatasetService service, CancellationToken ct) => service.ListAsync(ct));
        datasets.MapGet("{name}", (string name, DatasetService service, CancellationToken ct) => service.GetAsync(name, null, ct));
        datasets.MapGet("{name}/versions", (string name, DatasetService service, CancellationToken ct) => service.VersionsAsync(name, ct));
        datasets.MapPost("{name}/versions", (string name, NewDatasetVersion version, HttpContext http, DatasetService service, CancellationToken ct) =>
            service.RegisterAsync(name, version with { Derivation = null }, http.Caller().Name, ct));
        datasets.MapGet(Version, (string name, int version, DatasetService service, CancellationToken ct) => service.GetAsync(name, version, ct));
        datasets.MapGet(Version + "/profile", async (string name, int version, DatasetService service, DatasetReader reader, CancellationToken ct) =>
            await reader.ProfileAsync(await service.GetAsync(name, version, ct), ct));
        datasets.MapGet(Version + "/rows", async (string name, int version, DatasetService service, DatasetReader reader, CancellationToken ct, string? split = null, long offset = 0, int limit = 50) =>
            await reader.RowsAsync(await service.GetAsync(name, version, ct), split, offset, limit, ct));
        datasets.MapGet(Version + "/leaks", async (string name, int version, string[]? field, DatasetService service, DatasetReader reader, CancellationToken ct) =>
            await reader.LeaksAsync(await service.GetAsync(name, version, ct), field ?? [], ct));
        datasets.MapGet(Version + "/diff/{other}/{otherVersion:int}", async (string name, int version, string other, int otherVersion, DatasetService service, DatasetReader reader, CancellationToken ct, string? key = null,
            string kind = DatasetDiffs.Changed, long offset = 0, int limit = 50) =>
            await reader.DiffAsync(await service.GetAsync(name, version, ct), await service.GetAsync(other, otherVersion, ct), key, kind, offset, limit, ct));
        datasets.MapPost(Version + "/split", async (string name, int version, SplitRequest request, HttpContext http, DatasetService service, DatasetMaker maker, CancellationToken ct) =>
            await maker.SplitAsync(await service.GetAsync(name, version, ct), request, http.Caller().Name, ct));
        datasets.MapPost(Version + "/sample", async (string name, int version, SampleRequest request, HttpContext http, DatasetService service, DatasetMaker maker, CancellationToken ct) =>
            await maker.SampleAsync(await service.GetAsync(name, version, ct), request, http.Caller().Name, ct));
    }
}
