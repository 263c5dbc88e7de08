using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry.Endpoints;

internal static class RegistryEndpoints
{
    public static void MapRegistry(this IEndpointRouteBuilder endpoints)
    {
        MapModels(endpoints.MapGroup("/api/v1/models").WithErrors(NativeErrors.Instance).WithTags("Models"));
        endpoints.MapGroup("/api/v1/datasets").WithErrors(NativeErrors.Instance).WithTags("Data sets").MapDatasets();
        endpoints.MapGroup("/api/v1/import").WithErrors(NativeErrors.Instance).WithTags("Import").RequireRole(Role.Admin)
            .MapPut("versions", (ImportVersion version, HttpContext http, VersionImport import, CancellationToken ct) => import.PutAsync(version, http.Caller().Name, ct));
        var suites = endpoints.MapGroup("/api/v1/suites").WithErrors(NativeErrors.Instance).WithTags("Suites");
        suites.MapGet("", (ISuites service, CancellationToken ct) => service.ListAsync(ct));
        suites.MapGet("{name}", (string name, ISuites service, CancellationToken ct) => service.GetAsync(name, null, ct));
        suites.MapGet("{name}/versions", (string name, ISuites service, CancellationToken ct) => service.VersionsAsync(name, ct));
        suites.MapGet("{name}/versions/{version:int}", (string name, int version, ISuites service, CancellationToken ct) => service.GetAsync(name, version, ct));
        suites.MapDeletion(ObjectType.Suite);
        var diffs = endpoints.MapGroup("/api/v1/diff").WithErrors(NativeErrors.Instance).WithTags("Differences");
        diffs.MapGet("models", (string from, string to, string? depth, IModelDiffs models, CancellationToken ct) => models.CompareAsync(from, to, Depth(depth), ct));
        diffs.MapGet("prompts", (string from, string to, IPromptDiffs prompts, CancellationToken ct) => prompts.CompareAsync(from, to, ct));
        MapPrompts(endpoints.MapGroup("/api/v1/prompts").WithErrors(NativeErrors.Instance).WithTags("Prompts"));
    }

    private static DiffDepth Depth(string? text) => text switch
    {
        null or "" or "content" => DiffDepth.Content,
        "quick" => DiffDepth.Quick,
        "headers" => DiffDepth.Headers,
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, "depth is content (every tensor), quick (every tensor where that is done soon) or headers."),
    };

    /// <summary>Deletion of a version, with the reason.</summary>
    internal static void MapDeletion(this RouteGroupBuilder group, string type) =>
        group.MapDelete("{name}/versions/{version:int}", async (string name, int version, string? reason, HttpContext http, IVersionDeletion deletion, CancellationToken ct) =>
        {
            await deletion.DeleteAsync(type, name, version, reason, http.Caller().Name, ct);
            return Results.NoContent();
        });

    private static void MapModels(RouteGroupBuilder models)
    {
        models.MapDeletion(ObjectType.Model);
        models.MapGet("", (ModelService service, CancellationToken ct) => service.ListAsync(ct));
        models.MapGet("{name}/versions", (string name, ModelService service, CancellationToken ct) => service.VersionsAsync(name, ct));
        models.MapPost("{name}/versions", (string name, NewModelVersion version, HttpContext http, ModelService service, CancellationToken ct) =>
            service.RegisterAsync(name, version, http.Caller().Name, ct));
        models.MapGet("{name}/versions/{version}/facts", async (string name, string version, ModelService service, IModelFacts facts, CancellationToken ct) =>
            await facts.ReadAsync(await service.GetAsync($"models:/{name}/{version}", ct), ct));
        models.MapGet("{name}/moves", (string name, int? limit, IMoves moves, CancellationToken ct) => moves.ListAsync(RegistryReference.Models, name, limit ?? 100, ct));
        models.MapGet("{name}/versions/{version}", (string name, string version, ModelService service, CancellationToken ct) => service.GetAsync($"models:/{name}/{version}", ct));
        models.MapGet("{name}/aliases/{alias}", (string name, string alias, ModelService service, CancellationToken ct) => service.GetAsync($"models:/{name}@{alias}", ct));
        models.MapPut("{name}/aliases/{alias}", async (string name, string alias, AliasTarget target, HttpContext http, ModelService service, CancellationToken ct) =>
        {
            await service.SetAliasAsync(name, alias, target.Version, http.Caller().Name, target.Reason, ct);
            return await service.GetAsync($"models:/{name}@{alias}", ct);
        });
        models.MapDelete("{name}/aliases/{alias}", async (string name, string alias, string? reason, HttpContext http, ModelService service, CancellationToken ct) =>
        {
            await service.DeleteAliasAsync(name, alias, http.Caller().Name, reason, ct);
            return Results.NoContent();
        });
    }

    private static void MapPrompts(RouteGroupBuilder prompts)
    {
        prompts.MapDeletion(ObjectType.Prompt);
        prompts.MapGet("", (PromptService service, CancellationToken ct) => service.ListAsync(ct));
        prompts.MapGet("{name}", (string name, PromptService service, CancellationToken ct) => service.GetAsync(name, null, ct));
        prompts.MapGet("{name}/versions", (string name, PromptService service, CancellationToken ct) => service.VersionsAsync(name, ct));
        prompts.MapPost("{name}/versions", (string name, NewPromptVersion version, HttpContext http, PromptService service, CancellationToken ct) =>
            service.RegisterAsync(name, version, http.Caller().Name, ct));
        prompts.MapPost("{name}/render", (string name, string? version, string? alias, PromptValues body, PromptService service, CancellationToken ct) =>
            service.RenderAsync(alias is { Length: > 0 } ? $"prompts:/{name}@{alias}" : $"prompts:/{name}/{version ?? "latest"}", body.Values ?? new Dictionary<string, JsonElement>(), ct)).RequireRole(Role.Reader);
        prompts.MapGet("{name}/moves", (string name, int? limit, IMoves moves, CancellationToken ct) => moves.ListAsync(RegistryReference.Prompts, name, limit ?? 100, ct));
        prompts.MapGet("{name}/aliases/{alias}", (string name, string alias, PromptService service, CancellationToken ct) => service.GetByAliasAsync(name, alias, ct));
        prompts.MapPut("{name}/aliases/{alias}", async (string name, string alias, AliasTarget target, HttpContext http, PromptService service, CancellationToken ct) =>
        {
            await service.SetAliasAsync(name, alias, target.Version, http.Caller().Name, target.Reason, ct);
            return await service.GetByAliasAsync(name, alias, ct);
        });
        prompts.MapDelete("{name}/aliases/{alias}", async (string name, string alias, string? reason, HttpContext http, PromptService service, CancellationToken ct) =>
        {
            await service.DeleteAliasAsync(name, alias, http.Caller().Name, reason, ct);
            return Results.NoContent();
        });
        prompts.MapGet("{name}/versions/{version:int}", (string name, int version, PromptService service, CancellationToken ct) => service.GetAsync(name, version, ct));
    }
}
