using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>A text of a run at one step as HTML that holds no script, <c>/runs/RUN/media/text?key=KEY&amp;step=N</c>: what the step slider shows.</summary>
internal static class MediaText
{
    private const int MaxTexts = 50;

    public static void MapMediaText(this IEndpointRouteBuilder endpoints) => endpoints.MapGet("/runs/{id}/media/text", async (string id, string key, long step, HttpContext http, IRunMedia media, CancellationToken ct) =>
    {
        var points = await media.PointsAsync(id, "text", key, new MediaRange(1, Step: step), ct);
        SecurityHeaders.Set(http.Response.Headers);
        var values = points.Items is [{ Text: { } text }, ..] ? text.Values : [];
        return Results.Text(string.Concat(values.Take(MaxTexts).Select(v => SafeMarkdown.ToHtml(v, null) ?? $"<pre>{System.Net.WebUtility.HtmlEncode(v)}</pre>")), "text/html; charset=utf-8");
    }).RequireRole(Role.Reader).WithErrors(PageErrors.Instance).ExcludeFromDescription();
}
