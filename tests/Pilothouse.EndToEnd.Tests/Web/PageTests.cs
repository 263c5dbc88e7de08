using System.Globalization;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>What holds for every page: looks, weight, accessibility, width, work without scripts.</summary>
[Collection("web")]
public sealed class PageTests(WebServer server, Browser browser)
{
    /// <summary>Bytes on the wire of a first visit, without the data that charts fetch.</summary>
    private const int MaxWeight = 250 * 1024;

    private static readonly string Screenshots = Path.Combine(RepoRoot.Path, "artifacts", "screenshots");

    /// <summary>All, or those that PILOTHOUSE_TEST_PAGES names: one page is looked at in seconds.</summary>
    public static TheoryData<string> Pages => Environment.GetEnvironmentVariable("PILOTHOUSE_TEST_PAGES") is { Length: > 0 } some ? [.. some.Split(',')] : All;

    private static TheoryData<string> All =>
    [
        "overview", "environment", "experiments", "experiment", "experiment-groups", "compare", "compare-parallel", "compare-scatter", "compare-config", "run", "models", "model", "model-version", "model-elsewhere", "datasets", "dataset", "dataset-versions", "dataset-splits", "dataset-diff", "dataset-diff-rows", "prompts", "prompt", "prompt-chat", "prompt-preview", "lineage", "lineage-environment", "pointer", "pointer-plan", "diff-models", "diff-prompts", "diff-releases", "suites", "suite", "evaluations", "evaluation", "evaluation-cases", "evaluation-case",
        "run-overview", "run-charts", "run-metric", "run-histograms", "run-images", "run-artifacts", "run-json", "run-markdown", "run-table", "run-onnx", "run-logs", "run-lineage", "run-many", "run-repeated",
        "fairness", "fairness-report", "releases", "release", "traces", "trace", "monitors", "alerts", "storage", "audit", "not-found",
        "projects", "repository", "repository-file", "repository-markdown", "repository-image", "repository-lfs", "repository-commits", "repository-commit", "repository-compare", "repository-blame", "repository-branches", "repository-ci",
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_in_light_and_dark_has_no_accessibility_fault_and_fits_its_window(string name)
    {
        Directory.CreateDirectory(Screenshots);
        var page = await browser.OpenAsync(server.Url);
        var errors = Watch(page);
        var response = await page.GotoAsync(Address(name));
        Assert.Equal(name == "not-found" ? 404 : 200, response!.Status);
        if (name is "run" or "compare" or "run-overview" or "run-charts" or "run-metric" or "run-many") await page.Locator("line-chart[data-points]").First.WaitForAsync();
        if (name == "run-histograms") await page.Locator("histogram-chart[data-points]").First.WaitForAsync();
        if (name == "run-images") await page.Locator("step-view[data-step]").First.WaitForAsync();
        if (name == "run-logs") await page.Locator("log-tail[data-lines]").WaitForAsync();
        await ShootAsync(page, name + "-light");
        Assert.Empty(name == "not-found" ? [] : errors); // before axe, which tries out inline styles itself
        await CheckAccessAsync(page, name + " light", null);
        // The page stays and its reader's system turns dark: of what axe looks at, only colours change with it.
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Dark });
        await page.EvaluateAsync("new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(painted)))");
        await ShootAsync(page, name + "-dark");
        await CheckAccessAsync(page, name + " dark", "color-contrast");
        foreach (var (width, height) in ((int, int)[])[(1280, 800), (390, 844)])
        {
            await page.SetViewportSizeAsync(width, height);
            Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= width, $"{name} scrolls sideways at {width} px: {await WidestAsync(page)}");
        }
        await ShootAsync(page, name + "-narrow");
        await page.Context.CloseAsync();
    }

    private static Task<byte[]> ShootAsync(IPage page, string name) => page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, name + ".png") });

    /// <param name="rule">The one of axe's rules to check; null = all.</param>
    private static async Task CheckAccessAsync(IPage page, string what, string? rule)
    {
        var result = await page.RunAxe(rule is null ? null : new AxeRunOptions { RunOnly = RunOnlyOptions.Rules(rule) });
        Assert.True(result.Violations.Length == 0, what + ": " + string.Join("\n", result.Violations.Select(v => $"{v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Take(4).Select(n => n.Html + " " + string.Join(" ", n.Any.Select(a => a.Message))))}")));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_first_visit_weighs_at_most_250_KB(string name)
    {
        var page = await browser.OpenAsync(server.Url);
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("Network.enable");
        long bytes = 0;
        var data = new HashSet<string>();
        session.Event("Network.responseReceived").OnEvent += (_, e) =>
        {
            if (e!.Value.GetProperty("response").GetProperty("url").GetString()!.Contains("/api/v1/", StringComparison.Ordinal)) data.Add(e.Value.GetProperty("requestId").GetString()!);
        };
        session.Event("Network.loadingFinished").OnEvent += (_, e) =>
        {
            if (!data.Contains(e!.Value.GetProperty("requestId").GetString()!)) bytes += (long)e.Value.GetProperty("encodedDataLength").GetDouble();
        };
        await page.GotoAsync(Address(name), new PageGotoOptions { WaitUntil = WaitUntilState.Load });
        if (name is "run" or "compare") await page.Locator("line-chart[data-points]").First.WaitForAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {bytes / 1024.0:0.0} KB"));
        Directory.CreateDirectory(Screenshots);
        await File.WriteAllTextAsync(Path.Combine(Screenshots, name + ".weight.txt"), string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0}\n"));
        Assert.InRange(bytes, 10_000, MaxWeight);
        await page.Context.CloseAsync();
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_without_JavaScript_shows_heading_menu_and_content(string name)
    {
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync(Address(name));
        Assert.NotEmpty(await page.Locator("h1").InnerTextAsync());
        Assert.True(await page.Locator("#menu a").CountAsync() >= 10);
        Assert.True(await page.Locator("main .panel, main .lineage li").CountAsync() >= 1);
        await page.Context.CloseAsync();
    }

    private string Address(string name) => name switch
    {
        "overview" => "/",
        "environment" => $"/environments/{SampleWorld.Project}/{SampleWorld.Environment}",
        "experiment" => $"/experiments/{server.ExperimentId}",
        "experiment-groups" => $"/experiments/{server.ExperimentId}?group=params.batch_size",
        "compare" => $"/runs/compare?experiment={server.ExperimentId}&sort=params.seed",
        "compare-parallel" or "compare-scatter" or "compare-config" => $"/runs/compare?experiment={server.ExperimentId}&filter={Uri.EscapeDataString("params.lr = '0.001'")}&view={name[8..]}",
        "run" => $"/runs/{server.RunId}",
        "run-overview" => $"/runs/{server.RichRunId}",
        "run-repeated" => $"/runs/{server.ManyRunId}",
        "run-charts" => $"/runs/{server.RichRunId}/charts?smooth=0.6",
        "run-metric" => $"/runs/{server.RichRunId}/charts?metric=train/loss",
        "run-histograms" => $"/runs/{server.RichRunId}/media",
        "run-images" => $"/runs/{server.RichRunId}/media?kind=image",
        "run-artifacts" => $"/runs/{server.RichRunId}/artifacts",
        "run-json" => $"/runs/{server.RichRunId}/artifacts?path=config.json",
        "run-markdown" => $"/runs/{server.RichRunId}/artifacts?path=report.md",
        "run-table" => $"/runs/{server.RichRunId}/artifacts?path=rows.parquet",
        "run-onnx" => $"/runs/{server.RichRunId}/artifacts?path=model/model.onnx",
        "run-logs" => $"/runs/{server.RichRunId}/logs",
        "run-lineage" => $"/runs/{server.RichRunId}/lineage",
        "run-many" => $"/runs/{server.ManyRunId}/charts",
        "model" => "/models/triage",
        "model-version" => "/models/triage/2",
        "model-elsewhere" => "/models/ranker%20of%20answers/1",
        "dataset" => "/datasets/support-heldout/1",
        "dataset-versions" => "/datasets/support-questions",
        "dataset-splits" => "/datasets/support-questions/3?split=train&offset=25",
        "dataset-diff" => "/datasets/support-questions/diff/1/2",
        "dataset-diff-rows" => "/datasets/support-questions/diff/1/2?key=id&kind=added",
        "prompt" => "/prompts/support/1",
        "prompt-preview" => "/prompts/support/2?v.question=Where%20is%20my%20lamp%3F&v.tone=rude&preview=1",
        "lineage" => "/lineage?ref=models:/triage/1",
        "lineage-environment" => $"/lineage?ref=git:{SampleWorld.Commit}",
        "pointer" => "/pointers?ref=models:/triage@champion",
        "pointer-plan" => "/pointers?ref=models:/triage@champion&to=previous",
        "diff-models" => "/diff/models?from=models:/tuned/1&to=models:/tuned/2",
        "diff-prompts" => "/diff/prompts?from=prompts:/support/1&to=prompts:/support/2",
        "diff-releases" => $"/diff/releases?from={SampleWorld.Canary}&to={SampleWorld.Canary}",
        "suite" => "/suites/support.quality/1",
        "prompt-chat" => "/prompts/triage-chat/1",
        "evaluation" => $"/evaluations/{SampleWorld.EvaluationId}",
        "evaluation-cases" => $"/evaluations/{SampleWorld.EvaluationId}/cases?suite=support-quality",
        "evaluation-case" => $"/evaluations/case?project={SampleWorld.Project}&suite=support-quality&case=heldout-0001",
        "fairness-report" => $"/fairness/{SampleWorld.FairnessId}",
        "release" => $"/releases/{SampleWorld.Canary}",
        "trace" => $"/traces/{SampleWorld.TraceId}",
        "audit" => "/audit?verify=1",
        "repository" => Repository(""),
        "repository-file" => Repository("/files?path=src/train.py"),
        "repository-markdown" => Repository("/files?path=docs/card.md"),
        "repository-image" => Repository("/files?path=docs/loss.png"),
        "repository-lfs" => Repository("/files?path=models/weights.bin"),
        "repository-commits" => Repository("/commits"),
        "repository-commit" => Repository("/commits/" + server.RepositoryCommit),
        "repository-compare" => Repository("/compare?from=v1&to=main"),
        "repository-blame" => Repository("/blame?revision=main&path=src/train.py"),
        "repository-branches" => Repository("/branches"),
        "repository-ci" => Repository("/ci"),
        "not-found" => "/no-such-page",
        _ => "/" + name,
    };

    private static string Repository(string rest) => $"/projects/{SampleWorld.Project}{rest}";

    /// <summary>Errors in the console: a script that failed, or something that the content policy stopped.</summary>
    internal static List<string> Watch(IPage page)
    {
        var errors = new List<string>();
        page.Console += (_, message) => { if (message.Type == "error") errors.Add(message.Text); };
        page.PageError += (_, error) => errors.Add(error);
        return errors;
    }

    private static Task<string> WidestAsync(IPage page) => page.EvaluateAsync<string>(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.box, .command, .text, .waterfall')).slice(0, 3).map(e => e.outerHTML.slice(0, 160)).join(' || ')");
}
