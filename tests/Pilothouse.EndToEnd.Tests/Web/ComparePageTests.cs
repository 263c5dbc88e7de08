using Microsoft.Playwright;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>What a person does with the comparison of runs.</summary>
[Collection("web")]
public sealed class ComparePageTests(WebServer server, Browser browser)
{
    [Fact]
    public async Task Curves_are_smoothed_hidden_grouped_and_zoomed_and_the_address_says_so()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "curves");
        var page = await browser.OpenAsync(server.Url);
        var errors = PageTests.Watch(page);
        await page.GotoAsync(world.Compare);
        var chart = page.Locator("line-chart[key=loss]");
        await page.Locator("line-chart[key=loss][data-points='1200']").WaitForAsync();
        Assert.Equal(6, await chart.EvaluateAsync<int>("e => e.curves.length"));

        await page.Locator(".legend .flip").First.ClickAsync();
        await page.Locator("line-chart[key=loss][data-points='1000']").WaitForAsync();

        await page.Locator("input[name=smooth]").FillAsync("0.6");
        await page.WaitForURLAsync("**smooth=0.6**");
        Assert.Contains("hide=0", page.Url, StringComparison.Ordinal);
        Assert.True(await chart.EvaluateAsync<bool>("e => e.curves[0].raw !== null && e.curves[0].ys[50] > e.curves[0].raw[50]")); // behind a falling curve

        await page.Locator("select[name=group]").SelectOptionAsync("params.lr");
        await page.Locator("line-chart[key=loss][data-curves='2']").WaitForAsync();
        Assert.True(await chart.EvaluateAsync<bool>("e => e.curves.every(c => c.low[10] < c.ys[10] && c.ys[10] < c.high[10])"));

        var box = (await chart.Locator(".u-over").BoundingBoxAsync())!;
        await page.Mouse.MoveAsync(box.X + (box.Width * 0.25f), box.Y + 40);
        await page.Mouse.DownAsync();
        await page.Mouse.MoveAsync(box.X + (box.Width * 0.5f), box.Y + 40);
        await page.Mouse.UpAsync();
        await page.WaitForURLAsync("**from=49&to=100**");
        await page.Locator("line-chart[key=loss][from='49']").WaitForAsync();
        await page.ReloadAsync();
        await page.Locator("line-chart[key=loss][data-points='260']").WaitForAsync(); // 5 runs, steps 49 to 100
        await page.GetByRole(AriaRole.Link, new() { Name = "Steps 49 to 100" }).ClickAsync();
        await page.Locator("line-chart[key=loss][data-points='1000']").WaitForAsync();
        Assert.Empty(errors);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Chart_is_read_by_keyboard_and_saved_as_CSV_and_PNG()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "saved");
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync(world.Compare + "&ylog=1&best=min&x=relative");
        await page.Locator("line-chart[key=loss][data-points='1200']").WaitForAsync();
        var chart = page.Locator("line-chart[key=loss]");
        await chart.Locator(".chart").FocusAsync();
        await page.Keyboard.PressAsync("End");
        Assert.Equal("lr-0.1-seed-1: 0.1 at after 3:19", await chart.Locator("output").InnerTextAsync());
        await page.Keyboard.PressAsync("ArrowLeft");
        Assert.EndsWith("after 3:18", await chart.Locator("output").InnerTextAsync(), StringComparison.Ordinal);

        var csv = await SaveAsync("CSV");
        Assert.Equal("run,name,metric,step,time,value", csv[..csv.IndexOf("\r\n", StringComparison.Ordinal)]);
        Assert.Equal(1201, csv.TrimEnd().Split("\r\n").Length);
        Assert.Equal("\u0089PNG", (await SaveAsync("PNG"))[..4]);
        await chart.GetByRole(AriaRole.Button, new() { Name = "Table" }).ClickAsync();
        Assert.Equal(51, await chart.Locator(".table tr").CountAsync());
        await page.Context.CloseAsync();

        async Task<string> SaveAsync(string button)
        {
            var download = await page.RunAndWaitForDownloadAsync(() => chart.GetByRole(AriaRole.Button, new() { Name = button }).ClickAsync());
            return System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(await download.PathAsync()));
        }
    }

    [Fact]
    public async Task Range_on_an_axis_keeps_the_runs_that_cross_it()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "parallel");
        var page = await browser.OpenAsync(server.Url);
        await page.GotoAsync(world.Compare + "&view=parallel");
        await page.Locator("parallel-plot[data-kept='6']").WaitForAsync();
        var axis = page.GetByRole(AriaRole.Slider, new() { Name = "Range of lr" });
        await axis.FocusAsync();
        await page.Keyboard.PressAsync("ArrowUp"); // from just above the lowest
        await page.Locator("parallel-plot[data-kept='3']").WaitForAsync();
        await page.WaitForURLAsync("**brush=params.lr**");
        Assert.Equal(3, await page.Locator("tr.away").CountAsync());
        await page.ReloadAsync();
        await page.Locator("parallel-plot[data-kept='3']").WaitForAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Compare only these" }).ClickAsync();
        await page.Locator("h1", new() { HasText = "Compare 3 runs" }).WaitForAsync();
        await page.GotoAsync(world.Compare + "&view=scatter&sx=params.lr&sy=metrics.loss");
        await page.Locator("scatter-plot[data-points='6']").WaitForAsync();
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task Configuration_and_last_values_are_there_without_JavaScript()
    {
        var world = await SweepWorld.CreateAsync(server.Http, "config");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync(world.Compare + "&view=config");
        var names = await page.Locator("tbody th.fixed").AllInnerTextsAsync();
        Assert.Equal(["lr", "seed", "loss"], names);
        await page.GetByRole(AriaRole.Link, new() { Name = "Show all" }).ClickAsync();
        Assert.Contains("model", await page.Locator("tbody th.fixed").AllInnerTextsAsync());
        await page.GotoAsync(world.Compare);
        Assert.Equal(6, await page.Locator("line-chart tbody tr").CountAsync());
        await page.Locator(".legend .drop").First.ClickAsync();
        Assert.Equal("Compare 5 runs", await page.Locator("h1").InnerTextAsync());
        var response = await page.GotoAsync("/runs/compare");
        Assert.Equal(400, response!.Status);
        await page.Context.CloseAsync();
    }
}
