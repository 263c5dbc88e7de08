using System.Net;
using System.Text.Json;
using Microsoft.Playwright;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>What a person does on a run's page, and what a hostile run cannot do to them.</summary>
[Collection("web")]
public sealed class RunPageTests(WebServer server, Browser browser)
{
    [Fact]
    public async Task Charts_are_grouped_by_prefix_and_filtered_by_expression()
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync($"/runs/{server.RichRunId}/charts");
        Assert.Equal(["metrics", "eval", "train"], await page.Locator("details[data-section] h2").AllInnerTextsAsync());
        await page.GotoAsync($"/runs/{server.RichRunId}/charts?q=^(train|eval)/loss$");
        Assert.Equal(["eval/loss", "train/loss"], await Keys(page));
        await page.GotoAsync($"/runs/{server.RichRunId}/charts?q=%5Bloss");
        Assert.Contains("regular expression", await page.Locator(".note.warn").InnerTextAsync(), StringComparison.Ordinal);
        var image = await page.Locator("noscript img, lazy-chart img").CountAsync();
        await page.GotoAsync($"/runs/{server.RichRunId}/charts?q=loss");
        Assert.Equal(2, await page.Locator("lazy-chart img").CountAsync());
        Assert.Equal(0, image);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Smoothing_and_axes_change_all_charts_at_once_and_stand_in_the_address()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/runs/{server.RichRunId}/charts?q=loss");
        await page.Locator("line-chart[data-points]").First.WaitForAsync();
        await page.EvaluateAsync("window.mark = 1");
        await page.GetByLabel("Log y").CheckAsync();
        await page.WaitForURLAsync("**ylog=1**");
        Assert.Equal(2, await page.Locator("line-chart[ylog]").CountAsync());
        await page.GetByLabel("X axis").SelectOptionAsync("relative");
        await page.WaitForURLAsync("**x=relative**");
        Assert.Equal(2, await page.Locator("line-chart[x=relative][ylog]").CountAsync());
        Assert.Equal(1, await page.EvaluateAsync<int>("window.mark"));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Pinned_charts_come_first_are_remembered_and_stand_in_the_address()
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync($"/runs/{server.RichRunId}/charts?smooth=0.5");
        await page.GetByRole(AriaRole.Link, new() { Name = "Pin train/lr" }).ClickAsync();
        Assert.Contains("pinned=train%2Flr", page.Url, StringComparison.Ordinal);
        Assert.Contains("smooth=0.5", page.Url, StringComparison.Ordinal);
        Assert.Equal("train/lr", (await Keys(page))[0]);
        await page.GotoAsync($"/runs/{server.RichRunId}/charts");
        Assert.Equal("train/lr", (await Keys(page))[0]);
        await page.GetByRole(AriaRole.Link, new() { Name = "Unpin train/lr" }).First.ClickAsync();
        await page.GotoAsync($"/runs/{server.RichRunId}/charts");
        Assert.Equal("grad_norm", (await Keys(page))[0]);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Run_with_1000_metrics_draws_only_what_is_near_the_window()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/runs/{server.ManyRunId}/charts");
        await page.Locator("line-chart[data-points]").First.WaitForAsync();
        Assert.Equal(20, await page.Locator("details[data-section]").CountAsync());
        Assert.InRange(await page.Locator("lazy-chart").CountAsync(), 60, 100);
        Assert.InRange(await page.Locator("line-chart").CountAsync(), 1, 60);
        await page.EvaluateAsync("scrollTo(0, document.documentElement.scrollHeight)");
        await page.Locator("lazy-chart").Last.Locator("line-chart[data-points]").WaitForAsync();
        Assert.InRange(await page.Locator("line-chart").CountAsync(), 1, 120);
        await page.GotoAsync($"/runs/{server.ManyRunId}/charts?section=layer19");
        Assert.Equal(50, await page.Locator("lazy-chart").CountAsync());
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Histograms_change_their_view_and_tell_what_is_under_the_pointer()
    {
        var page = await browser.OpenAsync(server.Url);
        foreach (var view in (string[])["ridge", "heat", "bands"])
        {
            await page.GotoAsync($"/runs/{server.RichRunId}/media?kind=histogram&view={view}");
            var chart = page.Locator("histogram-chart[data-points='40']").First;
            await chart.WaitForAsync();
            await chart.Locator("canvas").HoverAsync();
            Assert.Matches("^step \\d+ · .* values from .* median", await chart.Locator("output").InnerTextAsync());
        }
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Step_slider_shows_the_point_of_its_step_and_moves_others_along()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/runs/{server.RichRunId}/media?kind=image&key=samples&step=200");
        var view = page.Locator("step-view[data-step='200']");
        await view.WaitForAsync();
        Assert.Equal(4, await view.Locator(".images img").CountAsync());
        await view.Locator("input[type=range]").PressAsync("ArrowRight");
        await page.Locator("step-view[data-step='300']").WaitForAsync();
        Assert.Contains("step=300", page.Url, StringComparison.Ordinal);
        await page.GotoAsync($"/runs/{server.RichRunId}/media?kind=pr_curve");
        await page.Locator("step-view[data-step='500'] svg polyline").WaitForAsync();
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Log_of_a_running_run_grows_without_reload()
    {
        var run = server.RunId;
        await server.Rich.LogAsync("stdout", 0, "first \e[32mline\e[0m\n", run);
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/runs/{run}/logs");
        await page.Locator("log-tail[data-lines='1']").WaitForAsync();
        Assert.Equal("line", await page.Locator("log-tail .f2").First.InnerTextAsync());
        await server.Rich.LogAsync("stdout", "first \e[32mline\e[0m\n".Length, "second\n", run);
        await page.Locator("log-tail[data-lines='2']").WaitForAsync();
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Log_search_leads_to_the_line()
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync($"/runs/{server.RichRunId}/logs?q=SLOW STEP");
        Assert.Equal(8, await page.Locator("tbody tr").CountAsync());
        await page.Locator("tbody a").First.ClickAsync();
        Assert.StartsWith("step   49", await page.Locator(".log .line").First.InnerTextAsync(), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Name_description_tags_and_life_are_changed_by_forms_without_JavaScript()
    {
        var run = await NewRunAsync();
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync($"/runs/{run}");
        await page.Locator("details.columns > summary").ClickAsync();
        await page.Locator("#run-name").FillAsync("renamed & checked");
        await page.GetByRole(AriaRole.Button, new() { Name = "Rename" }).ClickAsync();
        Assert.Equal("renamed & checked", await page.Locator("h1").InnerTextAsync());
        await page.GetByRole(AriaRole.Link, new() { Name = "Write one" }).ClickAsync();
        await page.Locator("#description").FillAsync("# Why\n\nBecause *of this*.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        Assert.Equal("of this", await page.Locator(".markdown em").InnerTextAsync());
        await page.GetByLabel("Name of the tag").FillAsync("team");
        await page.GetByLabel("Value of the tag").FillAsync("search");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set" }).ClickAsync();
        Assert.Contains("search", await page.Locator("#tags tbody").InnerTextAsync(), StringComparison.Ordinal);
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the tag team" }).ClickAsync();
        Assert.Equal(0, await page.Locator("#tags tbody").CountAsync());
        await page.Locator("details.columns > summary").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        Assert.Equal("deleted", await page.Locator(".page-head .badge").InnerTextAsync());
        await page.Locator("details.columns > summary").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Restore" }).ClickAsync();
        Assert.Equal(0, await page.Locator(".page-head .badge").CountAsync());
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData("rename", "name")]
    [InlineData("delete", "return")]
    [InlineData("tag", "key")]
    public async Task Form_of_another_site_changes_nothing(string command, string field)
    {
        var run = await NewRunAsync();
        using var form = new FormUrlEncodedContent([new(field, "/x")]);
        using var response = await server.Http.PostAsync($"/runs/{run}/{command}", form);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains("\"lifecycle_stage\":\"active\"", await server.Http.GetStringAsync($"/api/v1/runs/{run}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?edit=description")]
    [InlineData("/charts")]
    [InlineData("/media?kind=text")]
    [InlineData("/artifacts")]
    [InlineData("/artifacts?path=report.md")]
    [InlineData("/artifacts?path=config.json")]
    [InlineData("/artifacts?path=predictions.csv")]
    [InlineData("/artifacts?path=page.html")]
    [InlineData("/artifacts?path=plots/curve.svg")]
    [InlineData("/artifacts?path=evil")]
    [InlineData("/artifacts?path=evil%2F%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E.txt")]
    [InlineData("/logs")]
    [InlineData("/logs?q=pwned")]
    [InlineData("/lineage")]
    public async Task Nothing_that_a_run_holds_runs_in_a_browser(string tab)
    {
        var page = await browser.OpenAsync(server.Url);
        var errors = PageTests.Watch(page);
        var response = await page.GotoAsync($"/runs/{server.RichRunId}{tab}");
        Assert.Equal(200, response!.Status);
        if (tab == "/media?kind=text") await page.Locator("step-view[data-step]").First.WaitForAsync();
        if (tab == "/logs") await page.Locator("log-tail[data-lines]").WaitForAsync();
        Assert.False(await page.EvaluateAsync<bool>("'pwned' in window"));
        Assert.Equal(0, await page.EvaluateAsync<int>("[...document.querySelectorAll('*'), ...[...document.querySelectorAll('*')].filter(e => e.shadowRoot).flatMap(e => [...e.shadowRoot.querySelectorAll('*')])].filter(e => e.getAttribute?.('onerror') !== null || e.getAttribute?.('onload') !== null || (e.tagName === 'A' && /^javascript:/i.test(e.getAttribute('href') ?? ''))).length"));
        // Our own policy has nothing to stop: the page never tries.
        Assert.DoesNotContain(errors, e => e.Contains("Content Security Policy", StringComparison.Ordinal));
        Assert.Empty(errors);
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData("page.html", "text/plain; charset=utf-8")]
    [InlineData("plots/curve.svg", "image/svg+xml")]
    [InlineData("plots/grid.png", "image/png")]
    [InlineData("sound.wav", "audio/wav")]
    [InlineData("weights.bin", "application/octet-stream")]
    public async Task Artifact_is_served_in_a_sandbox_by_what_it_is(string path, string type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/runs/{server.RichRunId}/artifacts/content?path={Uri.EscapeDataString(path)}");
        request.Headers.Range = new(0, 3);
        using var response = await server.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.ContentType!.ToString());
        Assert.Equal(4, (await response.Content.ReadAsByteArrayAsync()).Length);
        Assert.Contains("sandbox", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("script", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task Svg_opened_by_itself_runs_no_script()
    {
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync($"/api/v1/runs/{server.RichRunId}/artifacts/content?path=plots/curve.svg");
        Assert.False(await page.EvaluateAsync<bool>("'pwned' in window"));
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData("../../x")]
    [InlineData("%2e%2e/x")]
    [InlineData("/etc/passwd")]
    public async Task Path_that_leads_elsewhere_is_refused(string path)
    {
        using var response = await server.Http.GetAsync($"/api/v1/runs/{server.RichRunId}/artifacts/content?path={path}");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Header_that_claims_too_much_is_a_note_not_a_failure()
    {
        var preview = await server.Http.GetStringAsync($"/api/v1/runs/{server.RichRunId}/artifacts/preview?path=broken.safetensors");
        using var json = JsonDocument.Parse(preview);
        Assert.Equal("binary", json.RootElement.GetProperty("kind").GetString());
        Assert.Contains("claims", json.RootElement.GetProperty("note").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Everything_of_a_run_and_every_point_of_a_metric_can_be_downloaded()
    {
        using var run = JsonDocument.Parse(await server.Http.GetStringAsync($"/api/v1/runs/{server.RichRunId}/export"));
        var loss = run.RootElement.GetProperty("metrics").EnumerateArray().First(m => m.GetProperty("key").GetString() == "train/loss");
        Assert.Equal(300, loss.GetProperty("points").GetArrayLength());
        Assert.Contains(run.RootElement.GetProperty("artifacts").EnumerateArray(), a => a.GetProperty("path").GetString() == "model/model.onnx");
        var csv = (await server.Http.GetStringAsync($"/api/v1/runs/{server.RichRunId}/points?key=train/loss")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("step,time_ms,value", csv[0]);
        Assert.Equal(301, csv.Length);
    }

    private static async Task<List<string>> Keys(IPage page) =>
        [.. await page.Locator(".chart-card").EvaluateAllAsync<string[]>("cards => cards.map(card => card.dataset.key)")];

    /// <summary>In the default experiment: the table of the sample experiment is counted by other tests.</summary>
    private async Task<string> NewRunAsync()
    {
        using var response = await server.Http.PostAsync("/api/2.0/mlflow/runs/create", new StringContent("{\"experiment_id\":\"0\",\"run_name\":\"to change\",\"start_time\":1}", System.Text.Encoding.UTF8, "application/json"));
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return json.RootElement.GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
    }
}
