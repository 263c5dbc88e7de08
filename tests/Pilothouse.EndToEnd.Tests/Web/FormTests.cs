using System.Net;
using System.Net.Http.Json;
using Microsoft.Playwright;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>Forms that change how the server works: what they send takes effect, and nothing else does. All without JavaScript.</summary>
[Collection("web")]
public sealed class FormTests(WebServer server, Browser browser)
{
    [Fact]
    public async Task A_branch_is_protected_and_set_free()
    {
        using var client = await ProjectAsync("forms-protection");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync("/projects/forms-protection/branches");
        await page.Locator("#pattern").FillAsync("release/*");
        await page.Locator("#pushers").FillAsync("ann, bob");
        await page.Locator("#checks").FillAsync("ci/quality");
        await page.Locator("input[name=force]").CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Protect" }).ClickAsync();

        var rule = (await client.ListBranchRulesAsync("forms-protection", default)).Single(r => r.Pattern == "release/*");
        Assert.Equal((true, false), (rule.AllowForce, rule.AllowDeletion));
        Assert.Equal(["ann", "bob"], rule.Pushers!);
        Assert.Equal(["ci/quality"], rule.RequiredChecks!);
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the rule of release/*" }).ClickAsync();
        Assert.DoesNotContain(await client.ListBranchRulesAsync("forms-protection", default), r => r.Pattern == "release/*");
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_mirror_is_added_run_and_removed_and_its_password_is_shown_to_nobody()
    {
        using var client = await ProjectAsync("forms-mirror");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync("/projects/forms-mirror/branches");
        await page.Locator("#url").FillAsync($"{server.Url}git/no-such-project.git");
        await page.Locator("#user").FillAsync("robot");
        await page.Locator("#password").FillAsync("hunter2-hunter2");
        await page.Locator("#minutes").FillAsync("0");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add mirror" }).ClickAsync();

        var mirror = Assert.Single(await client.ListMirrorsAsync("forms-mirror", default));
        Assert.Equal(("pull", "robot", true, 0L), (mirror.Direction, mirror.User, mirror.HasPassword, mirror.IntervalSeconds));
        await page.GetByRole(AriaRole.Button, new() { Name = "Run the mirror" }).ClickAsync();
        Assert.NotNull(Assert.Single(await client.ListMirrorsAsync("forms-mirror", default)).LastError);
        Assert.DoesNotContain("hunter2", await page.ContentAsync(), StringComparison.Ordinal);
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the mirror" }).ClickAsync();
        Assert.Empty(await client.ListMirrorsAsync("forms-mirror", default));

        await page.Locator("#url").FillAsync("ext::sh -c touch% /tmp/x");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add mirror" }).ClickAsync();
        Assert.Contains("https", await page.InnerTextAsync("main"), StringComparison.Ordinal);
        Assert.Empty(await client.ListMirrorsAsync("forms-mirror", default));
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_quota_is_set_and_lifted_the_store_is_scrubbed_and_looked_through()
    {
        using var client = await ProjectAsync("forms-quota");
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        await page.GotoAsync("/storage");
        await page.Locator("#project").SelectOptionAsync("forms-quota");
        await page.Locator("#gigabytes").FillAsync("1.5");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        Assert.Equal(1_500_000_000, (await client.GetBlobUsageAsync(default)).Projects.Single(p => p.Project == "forms-quota").QuotaBytes);
        await page.Locator("#project").SelectOptionAsync("forms-quota");
        await page.Locator("#gigabytes").FillAsync("much");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        Assert.Contains("number of gigabytes", await page.InnerTextAsync("main"), StringComparison.Ordinal);
        Assert.Equal(1_500_000_000, (await client.GetBlobUsageAsync(default)).Projects.Single(p => p.Project == "forms-quota").QuotaBytes);
        await page.GotoAsync("/storage");
        await page.Locator("#project").SelectOptionAsync("forms-quota");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        Assert.DoesNotContain((await client.GetBlobUsageAsync(default)).Projects, p => p is { Project: "forms-quota", QuotaBytes: not null });

        await page.GetByRole(AriaRole.Button, new() { Name = "Scrub now" }).ClickAsync();
        Assert.NotEqual(0, (await client.GetScrubAsync(default)).StartedMs);
        await page.GetByRole(AriaRole.Button, new() { Name = "Look what would go" }).ClickAsync();
        Assert.Contains("Would go", await page.InnerTextAsync("#gc"), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_version_is_deleted_with_its_reason_and_not_while_an_alias_stands_on_it()
    {
        using var client = new PilothouseClient(server.Url, null);
        foreach (var text in (string[])["Say {a}", "Say {a} twice"]) await client.RegisterPromptAsync("forms-prompt", new NewPromptVersion(text), default);
        await client.SetPromptAliasAsync("forms-prompt", "production", 2, "better", default);
        var page = await browser.OpenAsync(server.Url, javaScript: false);
        foreach (var version in (int[])[2, 1])
        {
            await page.GotoAsync($"/prompts/forms-prompt/{version}");
            await page.GetByText($"Delete version {version} of forms-prompt").ClickAsync();
            await page.Locator("#delete-reason").FillAsync("a leak in its wording");
            await page.GetByRole(AriaRole.Button, new() { Name = $"Delete version {version}" }).ClickAsync();
            if (version == 2) Assert.Contains("@production", await page.InnerTextAsync("main"), StringComparison.Ordinal);
        }

        await client.GetPromptAsync("prompts:/forms-prompt/2", default);
        Assert.Equal(404, (await Assert.ThrowsAsync<PilothouseApiException>(() => client.GetPromptAsync("prompts:/forms-prompt/1", default))).Status);
        await page.GotoAsync("/audit?subject=prompts/forms-prompt/1");
        Assert.Contains("a leak in its wording", await page.InnerTextAsync("main"), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData("/projects/support/protection", "pattern=x")]
    [InlineData("/projects/support/mirrors", "direction=pull&url=https://example.com/x.git")]
    [InlineData("/storage/quota", "project=support&gigabytes=1")]
    [InlineData("/storage/scrub", "")]
    [InlineData("/versions/delete", "type=model&name=triage&version=1&reason=no")]
    [InlineData("/pointers/rollback", "reference=models:/triage@champion&reason=no")]
    public async Task Another_sites_form_changes_nothing(string address, string fields)
    {
        using var content = new StringContent(fields, System.Text.Encoding.UTF8, "application/x-www-form-urlencoded");
        using var refused = await server.Http.PostAsync(new Uri(server.Url, address), content);

        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("was not sent by a page of this server", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task<PilothouseClient> ProjectAsync(string name)
    {
        using var made = await server.Http.PostAsJsonAsync("/api/v1/projects", new { name });
        Assert.True(made.IsSuccessStatusCode);
        return new PilothouseClient(server.Url, null);
    }
}
