using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Layout;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>Login, logout and the choice of theme: the only things that pages change by themselves.</summary>
internal static class SessionEndpoints
{
    private const int MaxTokenLength = 500;

    public static void MapSession(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/login", (string? @return, IAuthenticator authenticator) =>
            authenticator.Anonymous is null ? Login(@return, false) : Results.LocalRedirect(Links.Local(@return))).AllowAnyone().ExcludeFromDescription();
        endpoints.MapPost("/login", LoginAsync).AllowAnyone().ExcludeFromDescription();
        endpoints.MapPost("/logout", (HttpContext http) =>
        {
            http.Response.Cookies.Delete(SessionCookie.Name, Options(http));
            return Results.LocalRedirect("/login");
        }).AllowAnyone().ExcludeFromDescription();
        endpoints.MapGet("/theme/{value}", (string value, string? @return, HttpContext http) =>
        {
            Theme.Set(http, value);
            return Results.LocalRedirect(Links.Local(@return));
        }).AllowAnyone().ExcludeFromDescription();
    }

    private static async Task<IResult> LoginAsync(HttpContext http, IAuthenticator authenticator, CancellationToken ct)
    {
        // Browsers say where a form came from; another site's form must not log a person in.
        if (http.Request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site")
            throw new PilothouseException(ErrorCode.PermissionDenied, "The login form of this server must be used.");
        var form = await http.Request.ReadFormAsync(ct);
        var token = form["token"].ToString().Trim();
        if (token.Length is 0 or > MaxTokenLength || await authenticator.AuthenticateAsync(token, ct) is null) return Login(form["return"], true);
        http.Response.Cookies.Append(SessionCookie.Name, token, Options(http));
        return Results.LocalRedirect(Links.Local(form["return"]));
    }

    private static RazorComponentResult<LoginDocument> Login(string? path, bool refused) =>
        new(new { Return = Links.Local(path), Refused = refused }) { StatusCode = refused ? 401 : 200, PreventStreamingRendering = true };

    /// <summary>Strict: no other site can make a browser use the session.</summary>
    private static CookieOptions Options(HttpContext http) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = http.Request.IsHttps, Path = "/", IsEssential = true };
}
