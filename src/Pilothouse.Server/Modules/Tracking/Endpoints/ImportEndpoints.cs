using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Import;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>What <c>pilothouse import mlflow</c> writes that MLflow's own calls cannot: given ids, times and stages. For administrators.</summary>
internal static class ImportEndpoints
{
    public static void MapImport(this IEndpointRouteBuilder endpoints)
    {
        var import = endpoints.MapGroup("/api/v1/import").WithErrors(NativeErrors.Instance).WithTags("Import").RequireRole(Role.Admin);
        import.MapPut("experiments", (ImportExperiment experiment, HttpContext http, ImportService service, CancellationToken ct) => service.PutExperimentAsync(experiment, http.Caller().Name, ct));
        import.MapPut("runs/{id}", (string id, ImportRun run, ImportService service, CancellationToken ct) => service.PutRunAsync(id, run, ct));
        import.MapPost("runs/{id}/end", async (string id, ImportEnd end, ImportService service, CancellationToken ct) =>
        {
            await service.EndRunAsync(id, end, ct);
            return Results.NoContent();
        });
        import.MapPut("models/{id}", (string id, ImportModel model, ImportService service, CancellationToken ct) => service.PutModelAsync(id, model, ct));
        import.MapPost("summary", async (ImportSummary summary, HttpContext http, ImportService service, CancellationToken ct) =>
        {
            await service.RecordAsync(summary, http.Caller().Name, ct);
            return Results.NoContent();
        });
    }
}
