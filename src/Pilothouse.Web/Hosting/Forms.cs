using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Platform;

namespace Pilothouse.Web.Hosting;

/// <summary>Forms of pages that change something: a form with <c>&lt;AntiforgeryToken /&gt;</c> posts here, and the answer sends the browser on to a page.</summary>
internal static class Forms
{
    /// <summary>A form's address. Its handler gets the fields only when the form is one of this server's pages, and the caller may write.</summary>
    public static RouteHandlerBuilder MapForm(this IEndpointRouteBuilder endpoints, string pattern, Delegate handler) =>
        endpoints.MapPost(pattern, handler).WithErrors(PageErrors.Instance).DisableAntiforgery().ExcludeFromDescription();

    /// <summary>Reads the fields of a form that one of our own pages sent.</summary>
    /// <exception cref="PilothouseException">PermissionDenied: another site's form, or one of a page that is too old.</exception>
    public static async Task<IFormCollection> ReadAsync(HttpContext http, CancellationToken ct)
    {
        try
        {
            await http.RequestServices.GetRequiredService<IAntiforgery>().ValidateRequestAsync(http);
            return await http.Request.ReadFormAsync(ct);
        }
        catch (AntiforgeryValidationException)
        {
            throw new PilothouseException(ErrorCode.PermissionDenied, "This form was not sent by a page of this server, or the page is too old. Go back, reload it, and try again. Nothing was changed.");
        }
        catch (Exception e) when (e is InvalidDataException or BadHttpRequestException)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The form cannot be read: {e.Message} Nothing was changed.");
        }
    }
}
