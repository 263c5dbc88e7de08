using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Pilothouse.Server.Platform.Mlflow;

/// <summary>
/// Refuses <c>..</c> in the path of an artifact, written plainly or as <c>%2e%2e</c>, as MLflow does: <c>GET /api/2.0/mlflow-artifacts/artifacts/../../x</c>. The server would resolve it before
/// routing and then know no such address.
/// </summary>
internal sealed class MlflowPathGuard(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (!target.Contains("/mlflow-artifacts/", StringComparison.Ordinal)) return next(context);
        var end = target.IndexOf('?', StringComparison.Ordinal);
        var path = end < 0 ? target : target[..end];
        return path.Split('/').Any(part => part.Length is 2 or 4 or 6 && Uri.UnescapeDataString(part) == "..") ? MlflowErrors.Instance.WriteAsync(context, ErrorCode.InvalidArgument, "Invalid path") : next(context);
    }
}
