using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Recipes;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Endpoints;

internal static class BlobEndpoints
{
    private const int MaxHave = 10_000;
    private const int HaveAtOnce = 16;

    public static void MapBlobs(this IEndpointRouteBuilder endpoints)
    {
        var blobs = endpoints.MapGroup("/api/v1/blobs").WithErrors(NativeErrors.Instance).WithTags("Blobs");
        blobs.MapPost("", (string? project, HttpContext http, IBlobStore store, BlobIntake intake, CancellationToken ct) => PutAsync(null, project, http, store, intake, ct));
        blobs.MapPost("have", HaveAsync);
        blobs.MapPost("pack", async (string? project, HttpContext http, BlobIntake intake, CancellationToken ct) => new PackedBlobs(await intake.PutPackAsync(http.Request.Body, project, ct)));
        blobs.MapPost("unpack", Unpack);
        blobs.MapPut("{digest}", PutAsync);
        blobs.MapGet("{digest}/tensors", async (string digest, ITensors tensors, CancellationToken ct) =>
            await tensors.FindAsync(digest, ct) ?? throw new PilothouseException(ErrorCode.FailedPrecondition, $"{digest} is no weight file: safetensors and GGUF have tensors."));
        var recipes = endpoints.MapGroup("/api/v1/recipes").WithErrors(NativeErrors.Instance).WithTags("Blobs");
        recipes.MapPost("", (NewRecipe recipe, RecipeService service, CancellationToken ct) => service.PutAsync(recipe, ct));
        recipes.MapPost("have", (HaveBlobs parts, RecipeService service, CancellationToken ct) => service.MissingAsync(parts, ct));
        blobs.MapMethods("{digest}", ["GET", "HEAD"], GetAsync);
    }

    /// <summary>Those that are here count as used: the garbage collection leaves the sender its time to name them.</summary>
    private static async Task<MissingBlobs> HaveAsync(HaveBlobs body, IBlobStore store, CancellationToken ct)
    {
        if (body.Digests is not { Count: <= MaxHave }) throw new PilothouseException(ErrorCode.InvalidArgument, $"'digests' is a list of at most {MaxHave} digests. Ask in several calls.");
        var digests = body.Digests.Distinct(StringComparer.Ordinal).ToArray();
        var held = new bool[digests.Length];
        // At once, since an object store takes its time for each.
        await Parallel.ForAsync(0, digests.Length, new ParallelOptions { MaxDegreeOfParallelism = HaveAtOnce, CancellationToken = ct }, async (i, token) => held[i] = await store.FindAsync(digests[i], token) is not null);
        return new MissingBlobs([.. digests.Where((_, i) => !held[i])]);
    }

    /// <summary>Small blobs in one stream; those that are missing or large are left out.</summary>
    private static IResult Unpack(HaveBlobs body, BlobIntake intake, CancellationToken ct)
    {
        var write = intake.Unpack(body);
        return Results.Stream(target => write(target, ct), BlobPack.ContentType);
    }

    private static async Task<IResult> PutAsync(string? digest, string? project, HttpContext http, IBlobStore store, BlobIntake intake, CancellationToken ct)
    {
        if (digest is not null && await store.FindAsync(digest, ct) is { } held) return Results.Json(held);
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null; // streamed to disk: the disk is the bound
        return Results.Json(await intake.PutAsync(http.Request.Body, http.Request.ContentLength, digest, project, ct), statusCode: StatusCodes.Status201Created);
    }

    /// <summary>Ranges and conditional requests included: a digest is the perfect ETag.</summary>
    private static async Task<IResult> GetAsync(string digest, IBlobStore store, CancellationToken ct) =>
        Results.Stream(await store.OpenReadAsync(digest, ct), "application/octet-stream", entityTag: new($"\"{digest}\""), enableRangeProcessing: true);
}
