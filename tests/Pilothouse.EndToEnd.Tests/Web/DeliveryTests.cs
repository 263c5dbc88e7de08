using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>Headers, compression, login: what can be seen without a browser.</summary>
[Collection("web")]
public sealed partial class DeliveryTests(WebServer server)
{
    private const int CompressedFrom = 10 * 1024;

    [Fact]
    public async Task Every_asset_of_a_page_has_a_fingerprint_and_large_ones_are_compressed()
    {
        using var client = new HttpClient { BaseAddress = server.Url };
        var html = await client.GetStringAsync($"/runs/{server.RunId}");
        var assets = Asset().Matches(html).Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.True(assets.Count >= 7, string.Join(" ", assets));
        foreach (var asset in assets)
        {
            var whole = await client.GetByteArrayAsync(new Uri(server.Url, asset));
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, asset));
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip"));
            using var response = await client.SendAsync(request);
            Assert.True(response.Headers.GetValues("Cache-Control").Single().Contains("immutable", StringComparison.Ordinal), $"{asset}: {response.Headers.CacheControl}");
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
            if (whole.Length > CompressedFrom) Assert.True(response.Content.Headers.ContentEncoding.Contains("gzip"), $"{asset} ({whole.Length} bytes) is not compressed");
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/audit")]
    [InlineData("/no-such-page")]
    [InlineData("/releases/../no")]
    public async Task Page_carries_the_security_headers(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, path));
        request.Headers.Accept.ParseAdd("text/html");
        using var response = await server.Http.SendAsync(request);
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        var html = await response.Content.ReadAsStringAsync();
        Assert.DoesNotMatch("<script>|<style|style=\"| on[a-z]+=\"", html);
    }

    [Fact]
    public async Task Unknown_address_stays_the_protocols_for_programs()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, "/api/v1/nothing"));
        request.Headers.Accept.ParseAdd("application/json");
        using var response = await server.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.NotEqual("text/html", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Server_with_an_administrators_token_asks_pages_for_a_login()
    {
        const string token = "0123456789abcdef0123456789abcdef";
        await using var guarded = await WebServer.StartGuardedAsync(token);
        var cookies = new CookieContainer();
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = guarded.Url };

        using var asked = await client.GetAsync("/audit?verify=1");
        Assert.Equal("/login?return=%2Faudit%3Fverify%3D1", asked.Headers.Location!.OriginalString);
        Assert.Contains("type=\"password\"", await client.GetStringAsync("/login?return=%2Faudit"), StringComparison.Ordinal);

        using var wrong = await client.PostAsync("/login", new FormUrlEncodedContent([new("token", "wrong"), new("return", "/audit")]));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Empty(cookies.GetCookies(guarded.Url));

        using var right = await client.PostAsync("/login", new FormUrlEncodedContent([new("token", token), new("return", "/audit")]));
        Assert.Equal("/audit", right.Headers.Location!.OriginalString);
        var cookie = Assert.Single(cookies.GetCookies(guarded.Url).Cast<Cookie>());
        Assert.True(cookie.HttpOnly);
        Assert.Contains("samesite=strict", right.Headers.GetValues("Set-Cookie").Single(), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Audit log", await client.GetStringAsync("/audit"), StringComparison.Ordinal);

        using var foreign = new HttpRequestMessage(HttpMethod.Post, "/login") { Content = new FormUrlEncodedContent([new("token", token)]) };
        foreign.Headers.Add("Sec-Fetch-Site", "cross-site");
        using var refused = await client.SendAsync(foreign);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [GeneratedRegex("(?:src|href|css|uplot)=\"/?((?:assets|_framework)/[^\"]+)\"")]
    private static partial Regex Asset();
}
