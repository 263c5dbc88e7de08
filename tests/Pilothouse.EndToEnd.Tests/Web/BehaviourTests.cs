using System.Globalization;
using System.Net;
using Microsoft.Playwright;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>What a person does with the pages.</summary>
[Collection("web")]
public sealed class BehaviourTests(WebServer server, Browser browser)
{
    [Fact]
    public async Task Runs_are_sorted_filtered_and_paged_by_links_without_JavaScript()
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync($"/experiments/{server.ExperimentId}");
        Assert.Equal(50, await page.Locator("tbody tr").CountAsync());
        await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).ClickAsync();
        Assert.Equal(10, await page.Locator("tbody tr").CountAsync());
        Assert.Contains("after=", page.Url, StringComparison.Ordinal);

        await page.GotoAsync($"/experiments/{server.ExperimentId}");
        await page.Locator("thead").GetByRole(AriaRole.Link, new() { Name = "loss", Exact = true }).ClickAsync();
        Assert.Contains("sort=metrics.loss", page.Url, StringComparison.Ordinal);
        Assert.Equal("descending", await page.Locator("th[aria-sort]").GetAttributeAsync("aria-sort"));
        var losses = (await page.Locator("tbody tr td:nth-child(8)").AllInnerTextsAsync()).Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(losses.OrderDescending(), losses);

        await page.GetByRole(AriaRole.Searchbox).FillAsync("params.seed = '7'");
        await page.GetByRole(AriaRole.Button, new() { Name = "Filter" }).ClickAsync();
        Assert.Equal(1, await page.Locator("tbody tr").CountAsync());
        Assert.Contains("sort=", page.Url, StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Faulty_filter_is_shown_at_the_character_and_answers_400()
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        var response = await page.GotoAsync($"/experiments/{server.ExperimentId}?filter=" + Uri.EscapeDataString("metrics.loss << 1"));
        Assert.Equal(400, response!.Status);
        var lines = (await page.Locator(".filter-fault pre").InnerTextAsync()).Split('\n');
        Assert.Equal("metrics.loss << 1", lines[0]);
        Assert.InRange(lines[1].IndexOf('^', StringComparison.Ordinal), 13, 15);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Columns_are_chosen_in_the_query_string()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/experiments/{server.ExperimentId}?col=params.seed");
        var heads = await page.Locator("thead th").AllInnerTextsAsync();
        Assert.Equal("seed", heads[^1]);
        Assert.DoesNotContain("loss", heads);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Curve_of_a_running_run_moves_when_a_point_is_logged()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/runs/{server.RunId}");
        var chart = page.Locator("line-chart[key=loss]");
        await page.Locator("line-chart[key=loss][data-points='120']").WaitForAsync();
        await server.LogAsync(server.RunId, "loss", 0.12, 120);
        await page.Locator("line-chart[key=loss][data-points='121']").WaitForAsync();
        Assert.Equal(1, await chart.EvaluateAsync<int>("e => e.shadowRoot.querySelectorAll('canvas').length"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Enhanced_navigation_changes_the_page_without_loading_it_anew()
    {
        var page = await browser.OpenAsync(server.Url);
        var errors = PageTests.Watch(page);
        await page.GotoAsync("/models");
        await page.EvaluateAsync("window.mark = 1");
        await page.GetByRole(AriaRole.Link, new() { Name = "triage", Exact = true }).ClickAsync();
        await page.WaitForURLAsync("**/models/triage");
        await page.Locator("h1", new() { HasText = "triage" }).WaitForAsync();
        Assert.Equal(1, await page.EvaluateAsync<int>("window.mark ?? 0"));
        await page.GotoAsync($"/experiments/{server.ExperimentId}");
        await page.Locator("tbody a").First.ClickAsync();
        await page.Locator("line-chart[data-points]").First.WaitForAsync();
        Assert.Empty(errors);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Theme_is_kept_in_a_cookie_and_set_by_the_server()
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync("/audit");
        await page.GetByRole(AriaRole.Link, new() { Name = "Dark", Exact = true }).ClickAsync();
        Assert.EndsWith("/audit", page.Url, StringComparison.Ordinal);
        Assert.Equal("dark", await page.Locator("html").GetAttributeAsync("data-theme"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Keyboard_reaches_the_content_first_and_focus_is_visible()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync("/releases");
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("Skip to the content", await page.EvaluateAsync<string>("document.activeElement.textContent"));
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("2px", await page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineWidth"));
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData("/theme/dark?return=//evil.example")]
    [InlineData("/theme/dark?return=https://evil.example/")]
    [InlineData("/theme/dark?return=/%5Cevil.example")]
    public async Task Return_address_never_leads_to_another_server(string address)
    {
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var response = await client.GetAsync(new Uri(server.Url, address));
        Assert.Equal(HttpStatusCode.Redirect, response.StatusCode);
        Assert.Equal("/", response.Headers.Location!.OriginalString);
    }
}
