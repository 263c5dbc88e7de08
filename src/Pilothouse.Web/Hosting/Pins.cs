using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>
/// Charts that a person wants to see first, for each experiment. They stand in the address of the page, so that a link shows them to others, and in a cookie, so that the
/// next run of the experiment has them, too. The cookie holds the experiments used last: <c>[["12",["loss","eval/accuracy"]],...]</c>.
/// </summary>
internal static class Pins
{
    public const string Cookie = "pilothouse_pins";
    public const int MaxPins = 24;

    /// <summary>Key of the query string of a page with charts.</summary>
    public const string Query = "pinned";

    private const int MaxExperiments = 20;

    /// <summary>Browsers keep 4,096 bytes a cookie, name and attributes included.</summary>
    private const int MaxCookie = 3600;

    public static IReadOnlyList<string> Of(HttpContext http, string experiment) => Read(http).FirstOrDefault(e => e.Experiment == experiment).Keys ?? [];

    /// <summary>Address that pins or unpins a metric and comes back.</summary>
    public static string Toggle(string experiment, string key, bool on, IReadOnlyList<string> pins, string back)
    {
        var now = on ? pins.Append(key) : pins.Where(p => p != key);
        return QueryHelpers.AddQueryString($"/pins/{Uri.EscapeDataString(experiment)}", [.. now.Select(p => KeyValuePair.Create<string, string?>("key", p)), new("return", back)]);
    }

    public static void MapPins(this IEndpointRouteBuilder endpoints) => endpoints.MapGet("/pins/{experiment}", (string experiment, string[]? key, string? @return, HttpContext http) =>
    {
        string[] keys = [.. (key ?? []).Where(k => k.Length is > 0 and <= 250).Distinct().Take(MaxPins)];
        Write(http, [(experiment, keys), .. Read(http).Where(e => e.Experiment != experiment)]);
        var target = new Uri(new Uri("http://local"), Links.Local(@return));
        var query = QueryHelpers.ParseQuery(target.Query);
        query.Remove(Query);
        var pairs = query.SelectMany(pair => pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value)).Concat(keys.Select(k => KeyValuePair.Create(Query, (string?)k)));
        return Results.LocalRedirect(QueryHelpers.AddQueryString(target.AbsolutePath, pairs));
    }).RequireRole(Role.Reader).WithErrors(PageErrors.Instance).ExcludeFromDescription();

    private static List<(string Experiment, string[] Keys)> Read(HttpContext http)
    {
        if (http.Request.Cookies[Cookie] is not { Length: > 0 and <= MaxCookie * 2 } text) return [];
        try
        {
            using var document = JsonDocument.Parse(WebEncoders.Base64UrlDecode(text));
            return [.. document.RootElement.EnumerateArray().Take(MaxExperiments).Select(e => (e[0].GetString()!, e[1].EnumerateArray().Take(MaxPins).Select(k => k.GetString()!).ToArray()))];
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or IndexOutOfRangeException)
        {
            return []; // not ours, or of another version: the next pin writes it anew
        }
    }

    private static void Write(HttpContext http, List<(string Experiment, string[] Keys)> all)
    {
        all = [.. all.Where(e => e.Keys.Length > 0).Take(MaxExperiments)];
        var text = Encode(all);
        while (text.Length > MaxCookie && all.Count > 1) text = Encode(all = all[..^1]);
        if (text.Length > MaxCookie) text = Encode([(all[0].Experiment, all[0].Keys[..Math.Min(6, all[0].Keys.Length)])]);
        http.Response.Cookies.Append(Cookie, text, new CookieOptions { MaxAge = TimeSpan.FromDays(365), SameSite = SameSiteMode.Lax, HttpOnly = true, IsEssential = true, Path = "/" });
    }

    private static string Encode(List<(string Experiment, string[] Keys)> all) => WebEncoders.Base64UrlEncode(JsonSerializer.SerializeToUtf8Bytes(all.Select(e => new object[] { e.Experiment, e.Keys })));
}
