using System.Diagnostics;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>The HTML report as a build artifact: opened from a file, without any server.</summary>
public sealed class HtmlReportPageTests(Browser browser, ITestOutputHelper output) : IClassFixture<Browser>
{
    private static EvaluationDetail Detail(int cases)
    {
        var gate = new GateResult("floor:exact", "exact", "floor", "PASS", "exact is 0.9 on 100 cases.", 0.9, 0.85, 0.94, 0.8, 0.95, "Wilson score", 0.01, 0.05, 0);
        var suite = new SuiteResult("quality", "models:/assistant/3", "models:/assistant/2", "data/heldout.jsonl", cases, [new ScorerResult("exact", 0.9, 0.85, 0.94, 0.9, 0, -0.02, 0.02, 0.95, "Wilson score")],
            [gate, gate with { Name = "secondary:floor:exact", Role = GateRoles.Secondary, Verdict = "FAIL" }], [new CaseResult("c0", "input", "Yes", "No", 0, "Yes", 1)]);
        return new EvaluationDetail(new EvaluationSummary("e1", "shop", "c0ffee", "badcab", "finished", "PASS", "The gate holds.", cases, cases, "ann", 1_767_225_600_000, 1_767_225_602_500, "sha256:ee"), [suite]);
    }

    private static EvaluationCase Case(int i) => new(i, "quality", $"c{i}", null, $"What does lamp number {i} cost, and when can it be here?", "42 euros, tomorrow.",
        i == 7 ? "</script><img src=x onerror='window.hit=1'>" : "The lamp costs 42 euros and comes tomorrow.", null, "42 euros.", null, i % 100 == 7 ? "worsened" : "same",
        new Dictionary<string, double> { ["exact"] = i % 10 == 7 ? 0 : 1 }, new Dictionary<string, double> { ["exact"] = 1 }, i == 9 ? new Dictionary<string, string> { ["exact"] = "no such pattern" } : null, Unstable: i == 8 ? true : null);

    private static async Task<TemporaryFile> FileAsync(string html)
    {
        var file = new TemporaryFile();
        await File.WriteAllTextAsync(file.Path, html);
        return file;
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task All_cases_are_paged_and_filtered_from_a_file(ColorScheme scheme)
    {
        using var file = await FileAsync(HtmlReport.Write(Detail(100_000), [.. Enumerable.Range(0, 100_000).Select(Case)], null));
        var page = await browser.OpenAsync(new Uri("file:///"), scheme: scheme);
        var (requests, errors) = (new List<string>(), new List<string>());
        page.Request += (_, request) => requests.Add(request.Url);
        page.PageError += (_, error) => errors.Add(error);
        var clock = Stopwatch.StartNew();
        await page.GotoAsync("file://" + file.Path, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        await page.Locator("#case-rows tr").First.WaitForAsync();
        output.WriteLine($"{new FileInfo(file.Path).Length / 1e6:0.0} MB with 100,000 cases: the first of them shown after {clock.ElapsedMilliseconds} ms");

        Task StateIs(string text) => Assertions.Expect(page.Locator("#case-state")).ToHaveTextAsync(text);
        await StateIs("1 to 50 of 100000 cases");
        await page.Locator("#case-after").ClickAsync();
        await StateIs("51 to 100 of 100000 cases");
        await Assertions.Expect(page.Locator("#case-rows th").First).ToHaveTextAsync("c50");
        await page.Locator("#case-page").FillAsync("2000");
        await page.Locator("#case-page").PressAsync("Enter");
        await StateIs("99951 to 100000 of 100000 cases");
        await Assertions.Expect(page.Locator("#case-rows th").Last).ToHaveTextAsync("c99999");
        await Assertions.Expect(page.Locator("#case-after")).ToBeDisabledAsync();
        await page.Locator("#case-page").FillAsync("-3");
        await page.Locator("#case-page").PressAsync("Enter");
        await StateIs("1 to 50 of 100000 cases");

        await page.Locator("#case-outcome").SelectOptionAsync("worsened");
        await StateIs("1 to 50 of 1000 cases");
        Assert.Contains("onerror", await page.Locator("#case-rows tr").First.InnerTextAsync(), StringComparison.Ordinal); // as text
        Assert.False(await page.EvaluateAsync<bool>("'hit' in window"));
        await page.Locator("#case-outcome").SelectOptionAsync("unstable");
        await StateIs("1 to 1 of 1 cases");
        await page.Locator("#case-outcome").SelectOptionAsync("no score");
        await StateIs("1 to 1 of 1 cases");
        await Assertions.Expect(page.Locator("#case-rows td").Nth(1)).ToContainTextAsync("exact: no score: no such pattern");
        await page.Locator("#case-outcome").SelectOptionAsync("all");

        clock.Restart();
        await page.Locator("#case-text").FillAsync("NUMBER 99999 ");
        await StateIs("1 to 1 of 1 cases");
        output.WriteLine($"all of them searched for the first time in {clock.ElapsedMilliseconds} ms");
        await page.Locator("#case-text").FillAsync("no such text");
        await StateIs("No case.");
        await page.Locator("#case-text").PressSequentiallyAsync("number 4242"); // a newer search goes before the one under way
        await page.Locator("#case-text").FillAsync("number 42421 ");
        await StateIs("1 to 1 of 1 cases");
        Assert.Equal([$"file://{file.Path}"], requests);
        Assert.Empty(errors);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_damaged_file_says_so()
    {
        var html = HtmlReport.Write(Detail(100), [.. Enumerable.Range(0, 100).Select(Case)], null);
        var at = html.IndexOf("id=\"cases-0\">", StringComparison.Ordinal) + 40;
        using var file = await FileAsync($"{html[..at]}AAAA{html[(at + 4)..]}");
        var page = await browser.OpenAsync(new Uri("file:///"));
        await page.GotoAsync("file://" + file.Path);
        await Assertions.Expect(page.Locator("#case-state")).ToContainTextAsync("The cases cannot be read");
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task The_page_has_no_accessibility_fault_and_fits_a_phone(ColorScheme scheme)
    {
        // axe itself is a script, which the report's own policy would keep out.
        var html = HtmlReport.Write(Detail(100), [.. Enumerable.Range(0, 100).Select(Case)], null);
        using var file = await FileAsync(html.Replace("<meta http-equiv=\"Content-Security-Policy\"", "<meta name=\"was-policy\"", StringComparison.Ordinal));
        var page = await browser.OpenAsync(new Uri("file:///"), scheme: scheme);
        await page.GotoAsync("file://" + file.Path);
        await page.Locator("#case-rows tr").First.WaitForAsync();
        var screenshots = Path.Combine(Testing.RepoRoot.Path, "artifacts", "screenshots");
        Directory.CreateDirectory(screenshots);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(screenshots, $"html-report-{scheme.ToString().ToLowerInvariant()}.png"), FullPage = true });
        var result = await page.RunAxe();
        Assert.True(result.Violations.Length == 0, string.Join("\n", result.Violations.Select(v => $"{v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Take(4).Select(n => n.Html))}")));
        await page.SetViewportSizeAsync(390, 844);
        Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= 390, "the report scrolls sideways at 390 px");
        await page.Context.CloseAsync();
    }

    /// <summary>A report in a directory of its own, which goes with it.</summary>
    private sealed class TemporaryFile : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pilothouse-report-");

        public string Path => System.IO.Path.Combine(_directory.FullName, "report.html");

        public void Dispose() => _directory.Delete(recursive: true);
    }
}
