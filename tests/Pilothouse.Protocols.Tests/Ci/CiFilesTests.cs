using Pilothouse.Protocols.Ci;

namespace Pilothouse.Protocols.Tests.Ci;

public sealed class CiFilesTests
{
    public static TheoryData<CiSystem> Systems => [.. Enum.GetValues<CiSystem>()];

    [Theory, MemberData(nameof(Systems))]
    public void Files_are_the_same_bytes_each_time_and_pass_our_own_check(CiSystem system)
    {
        foreach (var baseline in (string?[])["production", null])
        {
            var files = CiFiles.For(system, "support-assistant", baseline);
            Assert.Equal(files, CiFiles.For(system, "support-assistant", baseline));
            Assert.Equal([CiSystems.FileOf(system), CiFiles.ScriptPath], files.Select(f => f.Path));
            Assert.All(files, f => Assert.DoesNotContain('\r', f.Content));
            Assert.Empty(CiLint.Check(system, files[0].Content));
            Assert.Contains("project=${PILOTHOUSE_PROJECT:-support-assistant}", files[1].Content);
        }
    }

    [Theory, MemberData(nameof(Systems))]
    public void Every_secret_that_is_named_is_used_and_none_is_written(CiSystem system)
    {
        var text = string.Concat(CiFiles.For(system, "p", "production").Select(f => f.Content));
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
