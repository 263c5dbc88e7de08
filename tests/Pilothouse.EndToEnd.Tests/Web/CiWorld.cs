using System.Net.Http.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci.Schedules;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>Connections, builds and checks as a project has them that builds on Jenkins and is mirrored to Gitea; neither can be reached now.</summary>
internal static class CiWorld
{
    private const string HookSecret = "a-secret-of-the-webhook";
    private const string Nowhere = "http://127.0.0.1:1";

    /// <summary>A branch whose jobs run elsewhere, or not at all, since the built-in runner is off here.</summary>
    private static async Task JobsAsync(TestServer server, string project)
    {
        var work = Directory.CreateTempSubdirectory("pilothouse-ci-");
        async Task GitAsync(params string[] arguments) => (await Shell.RunAsync(work.FullName, "env", ["GIT_LFS_SKIP_SMUDGE=1", "GIT_AUTHOR_DATE=2026-09-13T10:00:00Z", "GIT_COMMITTER_DATE=2026-09-13T10:00:00Z", "git", .. arguments])).Succeeded();
        await GitAsync("clone", "-q", new Uri(server.Url, $"/git/{project}.git").ToString(), ".");
        await File.WriteAllTextAsync(Path.Combine(work.FullName, "pilothouse.yaml"), $"apiVersion: pilothouse/v1\nproject: {project}\nci:\n  data: {{ steps: [{{ run: sh check-data.sh }}] }}\n  quality: {{ runner: nightly, required: true }}\n  report: {{ runner: nightly, needs: [quality] }}\n");
        await GitAsync("add", "pilothouse.yaml");
        await GitAsync("commit", "-q", "-m", "Jobs of continuous integration");
        await GitAsync("push", "-q", "origin", "HEAD:continuous-integration");
        work.Delete(recursive: true);
        await Eventually.TrueAsync(async () => (await server.Client.ListCiJobsAsync(project, null, 10, default)).Count == 3);
    }

    public static async Task SeedAsync(TestServer server, string project, string commit)
    {
        await server.Client.ConnectCiAsync(project, "nightly", new NewCiConnection("jenkins", "team/assistant", "token", Nowhere, "ann", null, ["main", "release/*"], WebhookSecret: HookSecret), default);
        await server.Client.ConnectCiAsync(project, "mirror", new NewCiConnection("gitea", "team/assistant", "token", Nowhere, Builds: false, Statuses: true), default);
        var parent = (await server.Client.ListCommitsAsync(project, commit, 2, default))[^1].Id;
        await ReportAsync(11, parent, "COMPLETED", "FAILURE");
        await ReportAsync(12, commit, "STARTED", "");
        await ReportAsync(13, commit, "COMPLETED", "SUCCESS");
        await server.Client.SetCommitStatusAsync(project, commit, new NewCommitStatus("failure", "ci/lint", "2 files are not formatted; see the log for their names and the command that formats them.", "https://ci.example/lint/5"), default);
        await server.Client.SetCommitStatusAsync(project, commit, new NewCommitStatus("pending", "ci/load-test"), default);
        await server.Client.StartCiBuildAsync(project, "nightly", commit, default);
        await JobsAsync(server, project);
        // Rounds that come long after the tests: one that ran, one that could not start, one that never comes.
        var (store, now) = (server.Service<CiScheduleStore>(), TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        const long Day = 86_400_000;
        ScheduleRow gone = new() { Project = project, Job = "report", Cron = "30 4 1 * *", Branch = "release/2026-spring-of-the-assistant", NextMs = now + 9 * Day };
        await store.SetAsync(project, [new() { Project = project, Job = "quality", Cron = "0 3 * * 1-5", NextMs = now + Day }, gone, new() { Project = project, Job = "data", Cron = "0 0 30 2 *", NextMs = long.MaxValue }], default);
        await store.FailAsync(gone, now + 10 * Day, now - Day, "The repository of 'assistant' has no commit 'release/2026-spring-of-the-assistant'. Push it first: git push pilothouse release/2026-spring-of-the-assistant", default);

        async Task ReportAsync(int number, string of, string phase, string status)
        {
            using var response = await server.Http.PostAsJsonAsync($"/api/v1/projects/{project}/ci/connections/nightly/webhook?token={HookSecret}",
                new { name = "assistant", build = new { number, phase, status, full_url = $"https://jenkins.example/job/team/job/assistant/{number}/", scm = new { commit = of, branch = "origin/main" } } });
            response.EnsureSuccessStatusCode();
        }
    }
}
