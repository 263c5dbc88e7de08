using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Audit.Endpoints;

internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder endpoints)
    {
        var audit = endpoints.MapGroup("/api/v1/audit").WithErrors(NativeErrors.Instance).WithTags("Audit");
        audit.MapGet("", async (string? subject, long? before, int? limit, IAuditLog log, CancellationToken ct) =>
            (await log.ListAsync(subject, before, limit ?? 100, ct)).Select(ToLine));
        audit.MapGet("verify", (AuditService service, CancellationToken ct) => service.VerifyAsync(ct));
        audit.MapGet("export", ExportAsync);
    }

    /// <summary>The whole log as JSON lines, to be verified offline: <c>pilothouse audit verify --file FILE</c>.</summary>
    private static async Task ExportAsync(AuditService service, HttpContext http, CancellationToken ct)
    {
        http.Response.ContentType = "application/jsonl";
        await foreach (var entry in service.ReadAllAsync(ct))
            await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(WireJson.Write(ToLine(entry)) + "\n"), ct);
    }

    private static AuditLine ToLine(AuditEntry e) => new(e.Index, e.TimeMs, e.Actor, e.Action, e.Subject, e.Details, e.LeafHash, e.Hash);
}
