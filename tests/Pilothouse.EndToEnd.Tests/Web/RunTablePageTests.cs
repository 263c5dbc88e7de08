using System.Net;
using System.Net.Http.Json;
using Microsoft.Playwright;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>What a person does with the table of runs.</summary>
[Collection("web")]
public sealed class RunTablePageTests(WebServer server, Browser browser)
{
    [Fact]
    public async Task Chosen_runs_are_tagged_deleted_and_restored_without_JavaScript()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "bulk");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync(world.Page);
        foreach (var run in world.Runs.Take(2)) await page.Locator($"input[name=run][value='{run}']").CheckAsync();
        await page.Locator(".bulk summary").ClickAsync();
        await page.Locator("input[name=tag_key]").FillAsync("team");
        await page.Locator("input[name=tag_value]").FillAsync("nlp's");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set the tag" }).ClickAsync();
        Assert.Equal("2 runs tagged.", await page.Locator("main [role=status].note").InnerTextAsync());
        await page.GotoAsync(world.Page + "?filter=" + Uri.EscapeDataString("tags.team = 'nlp''s'"));
        Assert.Equal(2, await page.Locator("tbody tr").CountAsync());

        await page.Locator($"input[name=run][value='{world.Runs[0]}']").CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete", Exact = true }).ClickAsync();
        Assert.Contains("1 run deleted", await page.Locator("main [role=status].note").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Equal(1, await page.Locator("tbody tr").CountAsync());
        await page.GotoAsync(world.Page + "?stage=deleted");
        await page.Locator($"input[name=run][value='{world.Runs[0]}']").CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Restore" }).ClickAsync();
        await page.GotoAsync(world.Page);
        Assert.Equal(6, await page.Locator("tbody tr").CountAsync());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Form_of_another_site_changes_nothing()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "forged");
        using var forged = new FormUrlEncodedContent([new("run", world.Runs[0]), new("action", "delete"), new("return", world.Page)]);
        using var refused = await server.Http.PostAsync(new Uri(server.Url, world.Page + "/actions"), forged);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var view = new FormUrlEncodedContent([new("name", "x"), new("address", world.Page)]);
        using var alsoRefused = await server.Http.PostAsync(new Uri(server.Url, world.Page + "/views"), view);
        Assert.Equal(HttpStatusCode.Forbidden, alsoRefused.StatusCode);
        Assert.Contains("6 runs", await server.Http.GetStringAsync(new Uri(server.Url, world.Page)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reader_compares_and_exports_but_changes_nothing()
    {
        const string admin = "0123456789abcdef0123456789abcdef";
        await using var guarded = await WebServer.StartGuardedAsync(admin);
        using var writer = new HttpClient { BaseAddress = guarded.Url, DefaultRequestHeaders = { Authorization = new("Bearer", admin) } };
        var world = await SweepWorld.CreateAsync(writer, "guarded");
        using var made = await writer.PostAsJsonAsync("/api/v1/tokens", new { name = "rita", role = "reader" });
        var token = (await made.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>()).GetProperty("token").GetString()!;
        using var reader = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = guarded.Url, DefaultRequestHeaders = { Authorization = new("Bearer", token) } };

        var html = await reader.GetStringAsync(world.Page);
        Assert.DoesNotContain("value=\"delete\"", html, StringComparison.Ordinal);
        var field = System.Text.RegularExpressions.Regex.Match(html, "name=\"__RequestVerificationToken\" value=\"([^\"]+)\"").Groups[1].Value;
        async Task<HttpResponseMessage> ActAsync(string action) => await reader.PostAsync(world.Page + "/actions",
            new FormUrlEncodedContent([new("__RequestVerificationToken", field), new("run", world.Runs[0]), new("run", world.Runs[1]), new("action", action), new("return", world.Page)]));

        using var deleted = await ActAsync("delete");
        Assert.Equal(HttpStatusCode.Forbidden, deleted.StatusCode);
        using var tagged = await ActAsync("tag");
        Assert.Equal(HttpStatusCode.Forbidden, tagged.StatusCode);
        using var compared = await ActAsync("compare");
        Assert.StartsWith("/runs/compare?run=", compared.Headers.Location!.OriginalString, StringComparison.Ordinal);
        using var exported = await ActAsync("csv");
        Assert.Equal(3, (await exported.Content.ReadAsStringAsync()).TrimEnd().Split("\r\n").Length);
        Assert.Contains("6 runs", await reader.GetStringAsync(world.Page), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Selection_is_kept_over_pages_and_goes_to_the_comparison()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/experiments/{server.ExperimentId}");
        await page.Locator("tbody input[name=run]").First.CheckAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).ClickAsync();
        await page.WaitForURLAsync("**after=**");
        await page.Locator(".bulk .count", new() { HasText = "1 chosen (1 elsewhere)" }).WaitForAsync();
        await page.Locator("tbody input[name=run]").Nth(1).CheckAsync();
        await page.Locator(".bulk .count", new() { HasText = "2 chosen (1 elsewhere)" }).WaitForAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Compare" }).ClickAsync();
        await page.WaitForURLAsync("**/runs/compare**");
        Assert.Equal("Compare 2 runs", await page.Locator("h1").InnerTextAsync());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Filter_is_completed_with_keys_operators_and_values_by_the_keyboard()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "completed");
        var page = await browser.OpenAsync(server.Url);
        var errors = PageTests.Watch(page);
        await page.GotoAsync(world.Page);
        var field = page.GetByRole(AriaRole.Combobox, new() { Name = "Filter runs" });
        await field.FocusAsync();
        await field.PressSequentiallyAsync("params.l");
        await TakeAsync("params.lr");
        await TakeAsync("=");
        await TakeAsync("'0.001'");
        await TakeAsync("and");
        await field.PressSequentiallyAsync("los");
        await TakeAsync("metrics.loss");
        await TakeAsync("<");
        await field.PressSequentiallyAsync("0.6");
        Assert.Equal("params.lr = '0.001' and metrics.loss < 0.6", await field.InputValueAsync());
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**filter=**");
        await page.Locator(".page-head .sub", new() { HasText = "of 6 runs match" }).WaitForAsync();
        Assert.Equal(3, await page.Locator("tbody tr").CountAsync());
        Assert.Empty(errors);
        await page.Context.CloseAsync();

        async Task TakeAsync(string text)
        {
            await page.Locator("[role=option]", new() { HasTextRegex = new("^" + System.Text.RegularExpressions.Regex.Escape(text) + "$") }).WaitForAsync();
            for (var i = 0; i < 20; i++)
            {
                await page.Keyboard.PressAsync("ArrowDown");
                var active = await field.GetAttributeAsync("aria-activedescendant");
                if (await page.Locator("#" + active).InnerTextAsync() == text) break;
            }
            await page.Keyboard.PressAsync("Enter");
        }
    }

    [Fact]
    public async Task Groups_show_mean_and_band_and_lead_to_their_runs()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "grouped");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync(world.Page + "?group=params.lr&col=metrics.loss&sort=metrics.loss%20asc");
        var rows = page.Locator("tbody tr");
        Assert.Equal(2, await rows.CountAsync());
        Assert.Equal("0.1", (await rows.First.Locator("td").First.InnerTextAsync()).Trim());
        Assert.Equal("3", await rows.First.Locator("td").Nth(1).InnerTextAsync());
        // loss at the last step: about 2 exp(-199 x 0.11) + 0.1, 0.2, 0.3
        Assert.Equal("0.2 [0.1, 0.3]", await rows.First.Locator("td").Nth(2).InnerTextAsync());
        await page.GotoAsync(world.Page + "?group=params.lr&col=metrics.loss&band=std");
        Assert.Equal("0.2 ± 0.1", await page.Locator("tbody tr", new() { HasText = "0.2 ±" }).Locator("td").Nth(2).InnerTextAsync());
        await rows.First.Locator("a").First.ClickAsync();
        Assert.Equal(3, await page.Locator("tbody tr").CountAsync());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Nested_runs_open_below_their_parent()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "nested");
        await world.AddAsync("child", "0.1", 9, world.Runs[0]);
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync(world.Page);
        Assert.Equal(6, await page.Locator("tbody tr").CountAsync());
        await page.Locator(".twist").ClickAsync();
        Assert.Equal("child", (await page.Locator("tbody td.deep").InnerTextAsync()).Trim());
        Assert.Equal("true", await page.Locator(".twist").GetAttributeAsync("aria-expanded"));
        await page.GotoAsync(world.Page + "?layout=flat");
        Assert.Equal(7, await page.Locator("tbody tr").CountAsync());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task View_is_saved_opened_and_deleted()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "viewed");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync(world.Page + "?filter=" + Uri.EscapeDataString("params.seed = '1'") + "&col=metrics.loss");
        await page.Locator("summary", new() { HasText = "Views" }).ClickAsync();
        await page.GetByLabel("Name of the view").FillAsync("first seeds");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GotoAsync(world.Page);
        await page.Locator("summary", new() { HasText = "Views" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "first seeds" }).ClickAsync();
        Assert.Equal(2, await page.Locator("tbody tr").CountAsync());
        Assert.Equal("loss", (await page.Locator("thead th").AllInnerTextsAsync())[^1]);
        await page.Locator("summary", new() { HasText = "Views" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete the view first seeds" }).ClickAsync();
        Assert.Equal(0, await page.Locator(".view-list li").CountAsync());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task New_run_appears_without_reload()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "lively");
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync(world.Page);
        await page.EvaluateAsync("window.mark = 1");
        await page.Locator($"input[name=run][value='{world.Runs[2]}']").CheckAsync();
        await world.AddAsync("newcomer", "0.1", 7, null);
        await page.GetByRole(AriaRole.Link, new() { Name = "newcomer" }).WaitForAsync();
        Assert.Equal(1, await page.EvaluateAsync<int>("window.mark ?? 0"));
        Assert.True(await page.Locator($"input[name=run][value='{world.Runs[2]}']").IsCheckedAsync());
        await page.Context.CloseAsync();
    }
}
