using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>Commands of jobs as a Unix user of their own. Needs root, as the server does for it.</summary>
public sealed class CiJobUserTests
{
    private const string Token = "an-admin-token-for-tests-only";
    private const string User = "nobody";

    private const UnixFileMode Closed = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Open = Closed | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Programs of the repository that take the place of those that this runs with more rights, if those are looked for in the repository's PATH.</summary>
    private const string Hijack = "#!/bin/sh\necho hijacked by $(/usr/bin/id -u) >> /tmp/pilothouse-$TAG.hijack\nexit 1\n";

    [Fact]
    public async Task Commands_reach_neither_the_token_nor_the_data_and_leave_no_process_and_their_results_are_kept()
    {
        SkipUnlessRoot();
        await using var world = await CiWorld.StartAsync(Server(User), """

            ci:
              looks:
                environment: { PATH: "./bin:/usr/bin:/bin", QUOTED: "it's $HOME; \"x\"" }
                steps:
                  - run: |
                      echo "user $(id -u) groups $(id -G) $(grep NoNewPrivs /proc/self/status | tr -d '\t') caps $(grep CapPrm /proc/self/status | tr -d '\t')"
                      echo "quoted $QUOTED"
                      touch "$HOME/a" "$TMPDIR/b" x.txt; rm a-file.txt; git status --porcelain
                      data=$(cat data-path.txt)
                      ls "$data" || echo "no way into the data"
                      for p in /proc/[0-9]*; do tr '\000' '\n' < "$p/environ" || true; done 2>/dev/null > all.txt
                      echo "tokens $(grep -c "$(rev < nekot.txt)" all.txt || true)"
                      mkdir -p reports; echo '<testsuite><testcase/></testsuite>' > reports/own.xml
                      ln -s /etc/passwd reports/link.xml; mkfifo reports/pipe.xml; ln data-path.txt reports/second-name.txt
                      (/usr/bin/setsid sleep 617 &)
                junit: ["reports/*.xml"]
                artifacts: ["reports/*"]
              hangs: { timeout: 3s, steps: [{ run: "(setsid sleep 617 &) ; sleep 617" }] }

            """);
        world.Write("data-path.txt", world.Data);
        world.Write("nekot.txt", new string([.. Token.Reverse()]));
        world.Write("a-file.txt", "of the commit");
        foreach (var program in (string[])["setsid", "setpriv", "cat", "env"])
        {
            world.Write("bin/" + program, program == "cat" ? "#!/bin/sh\nexec /bin/cat \"$@\"\n" : Hijack);
            SetMode(Path.Combine(world.Repository, "bin", program), Open);
        }
        var commit = await world.CommitAsync("what looks around");
        await PushAsync(world);

        var jobs = await EndedAsync(world, commit);
        var log = await LogAsync(world, jobs["looks"]);

        Assert.True(jobs["looks"].State == "success", log + jobs["looks"].Error);
        Assert.Contains("user 65534 groups 65534 NoNewPrivs:1 caps CapPrm:0000000000000000", log);
        Assert.Contains("quoted it's $HOME; \"x\"", log);
        Assert.Contains("no way into the data", log);
        Assert.Contains("tokens 0", log);
        Assert.Contains("?? x.txt", log);
        Assert.False(File.Exists("/tmp/pilothouse-.hijack"));
        Assert.Equal((1, 0), (jobs["looks"].Tests, jobs["looks"].Failures));
        Assert.Equal(["artifacts/reports/own.xml", "artifacts/reports/second-name.txt", "junit/reports/own.xml"], jobs["looks"].Artifacts.Select(a => a.Path).Order(StringComparer.Ordinal));
        Assert.Contains("took longer than 3s", jobs["hangs"].Error);
        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc"), p => Command(p).Contains("sleep\0" + "617", StringComparison.Ordinal));

        // That the token could be found at all: as the server's own user it is.
        var own = await world.RunAsync("PILOTHOUSE_TOKEN=" + Token, ServerProcess.Executable, "ci", "run", "looks");
        Assert.DoesNotContain("tokens 0", own.Output);
        Assert.Contains("user 0 ", own.Output);
    }

    [Fact]
    public async Task Steps_with_a_token_trust_nothing_that_commands_wrote_and_what_they_bring_belongs_to_the_commands()
    {
        SkipUnlessRoot();
        var trap = $"/tmp/pilothouse-{Guid.NewGuid():N}.trap";
        await using var world = await CiWorld.StartAsync(Server(User), $$"""

            ci:
              train:
                environment: { DOTNET_STARTUP_HOOKS: /nonexistent/evil.dll }
                steps:
                  - run: |
                      git config core.fsmonitor "id -u >> {{trap}}; false"
                      mkdir -p .git/hooks; printf '#!/bin/sh\nid -u >> {{trap}}\n' > .git/hooks/post-index-change; chmod 755 .git/hooks/post-index-change
                      mkdir "$TMPDIR/elsewhere"; ln -s "$TMPDIR/elsewhere" corpus
                  - sync: true
                  - suites: [quality]
              brings:
                steps: [{ sync: true }, { run: "cat corpus/a.txt; echo more >> corpus/a.txt; stat -c %U corpus/a.txt" }, { suites: [quality] }]

            """);
        world.Write("corpus/a.txt", "tracked by the lock, not by Git");
        (await world.RunAsync("PILOTHOUSE_TOKEN=" + Token, ServerProcess.Executable, "add", "corpus")).Succeeded();
        await world.CommitAsync("a corpus");
        (await world.RunAsync("PILOTHOUSE_TOKEN=" + Token, ServerProcess.Executable, "lock")).Succeeded();
        var commit = await world.CommitAsync("its lock");
        await PushAsync(world);

        var jobs = await EndedAsync(world, commit);

        var log = await LogAsync(world, jobs["brings"]);
        Assert.True(jobs["brings"].State == "success", log + jobs["brings"].Error);
        Assert.Contains("tracked by the lock", log);
        Assert.Contains(User, log);
        Assert.True(jobs["train"].State == "success", await LogAsync(world, jobs["train"]));
        Assert.False(File.Exists(trap) && (await File.ReadAllLinesAsync(trap)).Contains("0"), "the repository's command ran with the rights of the runner");
        File.Delete(trap);
    }

    [Fact]
    public async Task A_user_that_cannot_be_had_keeps_jobs_from_running_and_says_why()
    {
        SkipUnlessRoot();
        await using var world = await CiWorld.StartAsync(Server(User), "\nci:\n  quick: { steps: [{ run: echo done }] }\n");
        async Task<string> RefusedAsync(params string[] arguments)
        {
            var run = await world.RunAsync([ServerProcess.Executable, "ci", "run", .. arguments]);
            Assert.Equal(2, run.ExitCode);
            return run.Error;
        }

        Assert.Contains("no user 'no-such-user'", await RefusedAsync("--as", "no-such-user"));
        Assert.Contains("protect nothing", await RefusedAsync("--as", "root"));
        SetMode(world.Data, Open);
        Assert.Contains("chmod 700 " + world.Data, await RefusedAsync("--as", User, "--closed", world.Data));
        var unprivileged = await Shell.RunAsync(world.Repository, "setpriv", "--reuid=1", "--regid=1", "--clear-groups", "env", "DOTNET_BUNDLE_EXTRACT_BASE_DIR=/tmp", ServerProcess.Executable, "ci", "run", "--as", User, "--check");
        if (unprivileged.Error.Contains("--as", StringComparison.Ordinal)) Assert.Contains("may not run commands as another user", unprivileged.Error);

        var commit = await world.CommitAsync("again", allowEmpty: true);
        await PushAsync(world);
        var job = (await EndedAsync(world, commit))["quick"];
        Assert.Equal("error", job.State);
        Assert.Contains("chmod 700", job.Error);

        SetMode(world.Data, Closed);
        await world.Server.Client.StartCiJobsAsync("faq", new NewCiJobs(commit, ["quick"]), default);
        Assert.Equal("success", (await EndedAsync(world, commit))["quick"].State);
    }

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, mode);
    }

    private static void SkipUnlessRoot() => Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root" && Shell.Has("setpriv"), "needs Linux, root and setpriv.");

    private static Dictionary<string, string> Server(string user) => new()
    {
        ["PILOTHOUSE_Pipelines__RunProjectJobs"] = "true",
        ["PILOTHOUSE_Pipelines__JobUser"] = user,
        ["PILOTHOUSE_Identity__AdminToken"] = Token,
        ["PILOTHOUSE_TOKEN"] = Token,
    };

    private static Task<string> PushAsync(CiWorld world) => world.GitAsync("push", "-q", new UriBuilder(new Uri(world.Server.Url, "/git/faq.git")) { UserName = "x", Password = Token }.Uri.AbsoluteUri, "HEAD:main");

    private static async Task<string> LogAsync(CiWorld world, CiJob job) => (await world.RunAsync("PILOTHOUSE_TOKEN=" + Token, ServerProcess.Executable, "ci", "log", job.Id)).Succeeded();

    private static string Command(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static async Task<Dictionary<string, CiJob>> EndedAsync(CiWorld world, string commit)
    {
        IReadOnlyList<CiJob> jobs = [];
        await Eventually.TrueAsync(async () => (jobs = await world.Server.Client.ListCiJobsAsync("faq", commit, 100, default)).Count > 0 && jobs.All(j => j.FinishedMs is not null));
        return jobs.GroupBy(j => j.Name).ToDictionary(g => g.Key, g => g.First());
    }
}
