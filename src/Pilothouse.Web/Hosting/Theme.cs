using Microsoft.AspNetCore.Http;

namespace Pilothouse.Web.Hosting;

/// <summary>Light, dark, or as the system says: a cookie, put on &lt;html&gt; by the server, so that no page flashes in the wrong colours.</summary>
internal static class Theme
{
    public const string Cookie = "pilothouse_theme";

    public static IReadOnlyList<string> All { get; } = ["system", "light", "dark"];

    public static string Of(HttpContext? context) => context?.Request.Cookies[Cookie] is { } value && All.Contains(value) ? value : All[0];

    public static void Set(HttpContext context, string value) =>
        context.Response.Cookies.Append(Cookie, All.Contains(value) ? value : All[0],
            new CookieOptions { MaxAge = TimeSpan.FromDays(365), SameSite = SameSiteMode.Lax, HttpOnly = true, IsEssential = true, Path = "/" });
}
