using System.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>A curve as a picture, <c>/runs/RUN/chart.svg?key=loss</c>: for browsers without JavaScript, and to be put into other pages.</summary>
internal static class ChartImage
{
    private const int Points = 400;
    private const double Width = 600, Height = 176, Left = 52, Right = 8, Top = 8, Bottom = 22;

    public static void MapChartImage(this IEndpointRouteBuilder endpoints) => endpoints.MapGet("/runs/{id}/chart.svg", async (string id, string key, HttpContext http, IRuns runs, CancellationToken ct) =>
    {
        var series = await runs.HistoryAsync(id, key, Points, ct);
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
        http.Response.Headers.CacheControl = "no-cache";
        return Results.Text(Draw(series), "image/svg+xml");
    }).RequireRole(Role.Reader).WithErrors(PageErrors.Instance).ExcludeFromDescription();

    internal static string Draw(MetricSeries series)
    {
        var points = series.Steps.Zip(series.Values).Where(p => double.IsFinite(p.Second)).ToList();
        var name = SecurityElement.Escape($"{series.Key}: {Format.Integer(series.TotalPoints)} points");
        var head = $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width:0}} {{Height:0}}" width="{{Width:0}}" height="{{Height:0}}" role="img"><title>{{name}}</title><style>
            text { font: 11px system-ui, sans-serif; fill: #57616c } path { fill: none; stroke: #0a6cc9; stroke-width: 1.5; stroke-linejoin: round } line { stroke: #c9ced4 }
            @media (prefers-color-scheme: dark) { text { fill: #98a4ae } path { stroke: #63a9f5 } line { stroke: #3a4249 } }
            </style>
            """;
        if (points.Count == 0) return head + "<text x=\"300\" y=\"92\" text-anchor=\"middle\">no points</text></svg>";
        double first = points[0].First, last = points[^1].First, low = points.Min(p => p.Second), high = points.Max(p => p.Second);
        double X(double step) => Left + (last > first ? (step - first) / (last - first) : 0.5) * (Width - Left - Right);
        double Y(double value) => Top + (high > low ? (high - value) / (high - low) : 0.5) * (Height - Top - Bottom);
        var path = string.Join('L', points.Select(p => $"{Format.Svg(X(p.First))} {Format.Svg(Y(p.Second))}"));
        var (bottom, right) = (Format.Svg(Height - Bottom), Format.Svg(Width - Right));
        return $"""
            {head}<line x1="{Left}" y1="{bottom}" x2="{right}" y2="{bottom}"/><line x1="{Left}" y1="{Top}" x2="{Left}" y2="{bottom}"/>
            <text x="{Left - 4}" y="{Top + 9}" text-anchor="end">{Format.Number(high)}</text><text x="{Left - 4}" y="{bottom}" text-anchor="end">{Format.Number(low)}</text>
            <text x="{Left}" y="{Format.Svg(Height - 7)}">{Format.Integer((long)first)}</text><text x="{right}" y="{Format.Svg(Height - 7)}" text-anchor="end">step {Format.Integer((long)last)}</text>
            <path d="M{path}{(points.Count == 1 ? "h1" : "")}"/></svg>
            """;
    }
}
