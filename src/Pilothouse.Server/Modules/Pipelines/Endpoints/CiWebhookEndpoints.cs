using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Endpoints;

/// <summary>Where CI systems tell how builds go. The signature is the login.</summary>
internal static class CiWebhookEndpoints
{
    public static void MapCiWebhooks(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapPost("/api/v1/projects/{project}/ci/connections/{name}/webhook", async (string project, string name, HttpContext http, CiWebhooks service, CancellationToken ct) =>
        {
            var headers = http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
            return await service.ReceiveAsync(project, name, new HookRequest(headers, http.Request.Query["token"], await BodyAsync(http.Request, ct)), ct);
        }).WithErrors(NativeErrors.Instance).WithTags("Pipelines").AllowAnyone();

    private static async Task<byte[]> BodyAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.ContentLength > HookRequest.MaxBody) throw TooLarge();
        using var body = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = await request.Body.ReadAsync(buffer, ct)) > 0;)
        {
            if (body.Length + read > HookRequest.MaxBody) throw TooLarge();
            body.Write(buffer, 0, read);
        }
        return body.ToArray();
    }

    private static PilothouseException TooLarge() => new(ErrorCode.TooLarge, $"A delivery has at most {HookRequest.MaxBody} bytes.");
}
