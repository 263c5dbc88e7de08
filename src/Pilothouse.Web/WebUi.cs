using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.StaticWebAssets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Hosting;

namespace Pilothouse.Web;

/// <summary>The web UI as a part of the server: <c>PilothouseServer.Build(configure, WebUi.AddServices, WebUi.Map)</c>.</summary>
public static class WebUi
{
    /// <summary>Assets are listed under the name of the executable that was built, whatever process hosts it now (its tests do).</summary>
    private const string Manifest = "pilothouse.staticwebassets.endpoints.json";
    private const string BuildOutputManifest = "pilothouse.staticwebassets.runtime.json";

    public static void AddServices(WebApplicationBuilder builder)
    {
        builder.Services.AddRazorComponents();
        // A build output would otherwise look at its files anew at each request and forbid caching, as if someone were writing style sheets.
        builder.Configuration["ReloadStaticAssetsAtRuntime"] ??= builder.Environment.IsDevelopment() ? "true" : "false";
        // A build output has its assets in the source folders; a published one has them in wwwroot.
        var local = Path.Combine(AppContext.BaseDirectory, BuildOutputManifest);
        if (!File.Exists(local)) return;
        builder.Configuration[WebHostDefaults.StaticWebAssetsKey] = local;
        StaticWebAssetsLoader.UseStaticWebAssets(builder.Environment, builder.Configuration);
    }

    public static void Map(WebApplication app)
    {
        app.Use(PageAsync);
        app.MapStaticAssets(Manifest).AllowAnyone();
        app.MapSession();
        app.MapRunForms();
        app.MapPins();
        app.MapRunPageForms();
        app.MapPointerForms();
        app.MapVersionForms();
        app.MapStorageForms();
        app.MapRepositoryForms();
        app.MapChartImage();
        app.MapMediaText();
        app.MapRazorComponents<App>().WithStaticAssets(Manifest).DisableAntiforgery().WithErrors(PageErrors.Instance);
    }

    /// <summary>Headers of pages, and a page for addresses that nothing answers when a person asks.</summary>
    private static async Task PageAsync(HttpContext context, RequestDelegate next)
    {
        var endpoint = context.GetEndpoint();
        if (endpoint is null)
        {
            await next(context);
            if (context.Response is { StatusCode: 404, HasStarted: false } && IsPerson(context.Request))
                await PageErrors.WriteAsync(context, 404, "Not found", $"There is no page at {context.Request.Path}.");
            return;
        }
        if (endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() is not null || endpoint is RouteEndpoint { RoutePattern.RawText: "/login" })
            SecurityHeaders.Set(context.Response.Headers);
        else
            context.Response.Headers.XContentTypeOptions = "nosniff";
        await next(context);
    }

    private static bool IsPerson(HttpRequest request) => HttpMethods.IsGet(request.Method) && request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);
}
