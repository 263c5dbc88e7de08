using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Layout;

namespace Pilothouse.Web.Hosting;

/// <summary>Errors of pages: a page, or the way to the login.</summary>
internal sealed class PageErrors : ErrorShape
{
    public static PageErrors Instance { get; } = new();

    public override async Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        if (code == ErrorCode.Unauthenticated)
        {
            context.Response.Redirect("/login?return=" + Uri.EscapeDataString(context.Request.Path + context.Request.QueryString));
            return;
        }
        await WriteAsync(context, Status(code), Title(code), message);
    }

    public static async Task WriteAsync(HttpContext context, int status, string title, string message)
    {
        SecurityHeaders.Set(context.Response.Headers);
        // A scope of its own: the renderer of the page that failed is not one to go on with.
        await using var scope = context.RequestServices.GetRequiredService<IServiceScopeFactory>().CreateAsyncScope();
        var previous = context.RequestServices;
        context.RequestServices = scope.ServiceProvider;
        try
        {
            var page = new RazorComponentResult<ErrorDocument>(new { Status = status, Title = title, Message = message }) { StatusCode = status, PreventStreamingRendering = true };
            await page.ExecuteAsync(context);
        }
        finally
        {
            context.RequestServices = previous;
        }
    }

    private static string Title(ErrorCode code) => code switch
    {
        ErrorCode.NotFound => "Not found",
        ErrorCode.PermissionDenied => "Not allowed",
        ErrorCode.InvalidArgument => "The address is not right",
        ErrorCode.Unavailable or ErrorCode.RateLimited => "Not available at the moment",
        _ => "That did not work",
    };
}
