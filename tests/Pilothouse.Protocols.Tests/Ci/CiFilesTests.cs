using Pilothouse.Protocols.Ci;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.Ci;

public sealed class CiFilesTests
{
    public static TheoryData<CiSystem> Systems => [.. Enum.GetValues<CiSystem>()];

    [Theory, MemberData(nameof(Systems))]
    public void Files_are_the_same_bytes_each_time_and_pass_our_own_check(CiSystem system)
    {
        foreach (var baseline in (string?[])["production", null])
        {
            var files = CiFiles.For(system, "support-assistant", baseline, null);
            Assert.Equal(files, CiFiles.For(system, "support-assistant", baseline, null));
            Assert.Equal([CiSystems.FileOf(system), CiFiles.ScriptPath], files.Select(f => f.Path));
            Assert.All(files, f => Assert.DoesNotContain('\r', f.Content));
            Assert.Empty(CiLint.Check(system, files[0].Content));
            Assert.Contains("project=${PILOTHOUSE_PROJECT:-support-assistant}", files[1].Content);
        }
    }

    [Theory]
    [InlineData(CiSystem.Jenkins, "cron('TZ=Etc/UTC\\n0 3 * * 1-5\\n0 12 * * *')")]
    [InlineData(CiSystem.GitHub, "  schedule:\n    - cron: \"0 3 * * 1-5\"\n    - cron: \"0 12 * * *\"\n")]
    [InlineData(CiSystem.GitLab, "Pipeline schedules), in UTC: 0 3 * * 1-5; 0 12 * * * of next.")]
    [InlineData(CiSystem.CircleCi, "Triggers), in UTC: 0 3 * * 1-5; 0 12 * * * of next.")]
    [InlineData(CiSystem.Travis, "in UTC: 0 3 * * 1-5; 0 12 * * * of next.")]
    public void Schedules_of_the_project_stand_where_the_file_can_say_them(CiSystem system, string says)
    {
        var project = ProjectFileReader.Parse("apiVersion: pilothouse/v1\nproject: p\nci:\n  a: { on: { schedule: \"0 3 * * 1-5\" }, steps: [{ run: x }] }\n  b: { on: { schedule: { cron: \"0 12 * * *\", branch: next } }, steps: [{ run: x }] }\n  c: { runner: jenkins, on: { schedule: \"0 6 * * *\" } }\n").File!;
        var text = CiFiles.For(system, "p", null, CiFiles.SchedulesOf(project))[0].Content;
        Assert.Contains(says, text);
        Assert.DoesNotContain("0 6 * * *", text); // the server itself starts it there
        Assert.Empty(CiLint.Check(system, text));
        var none = CiFiles.For(system, "p", null, [])[0].Content;
        Assert.DoesNotContain("cron", none.Replace("Cron Jobs", "", StringComparison.Ordinal));
        Assert.Empty(CiLint.Check(system, none));
    }

    [Fact]
    public void No_build_takes_the_place_of_another_but_in_a_pull_or_merge_request()
    {
        var github = CiFiles.For(CiSystem.GitHub, "p", null, null)[0].Content;
        // A group holds one build that runs and one that waits: all but pull requests have one of their own.
        Assert.Contains("group: pilothouse-${{ github.event_name == 'pull_request' && github.ref || github.run_id }}", github);
        Assert.Contains("persist-credentials: false", github);
        var gitlab = CiFiles.For(CiSystem.GitLab, "p", null, null)[0].Content;
        Assert.Contains("- if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n      auto_cancel:\n        on_new_commit: interruptible", gitlab);
        Assert.Contains("- when: always\n      auto_cancel:\n        on_new_commit: none", gitlab);
    }

    [Theory, MemberData(nameof(Systems))]
    public void Every_secret_that_is_named_is_used_and_none_is_written(CiSystem system)
    {
        var text = string.Concat(CiFiles.For(system, "p", "production", null).Select(f => f.Content));
        Assert.All(CiFiles.Secrets(system), s => Assert.Contains(s.Name, text));
        Assert.Equal(2, CiFiles.Secrets(system).Count);
    }

    [Theory]
    [InlineData("Jenkinsfile", CiSystem.Jenkins)]
    [InlineData("ci/nightly.jenkinsfile", CiSystem.Jenkins)]
    [InlineData("/a/.circleci/config.yml", CiSystem.CircleCi)]
    [InlineData(".travis.yml", CiSystem.Travis)]
    [InlineData(".github/workflows/x.yaml", CiSystem.GitHub)]
    [InlineData("sub/.gitlab-ci.yml", CiSystem.GitLab)]
    [InlineData("pilothouse.yaml", null)]
    public void A_file_shows_whose_it_is(string path, CiSystem? expected) => Assert.Equal(expected, CiSystems.Detect(path));

    [Theory, MemberData(nameof(Systems))]
    public void Names_lead_back(CiSystem system) => Assert.Equal(system, CiSystems.Parse(CiSystems.NameOf(system)));
}
