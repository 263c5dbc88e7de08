using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.ProjectFiles;

public sealed class CiSectionTests
{
    [Fact]
    public void Jobs_are_read_with_their_defaults()
    {
        var jobs = ProjectFileReader.Parse(Samples.Full).File!.Ci;
        Assert.Equal(["lint", "quality", "nightly"], jobs.Keys);
        var (lint, quality, nightly) = (jobs["lint"], jobs["quality"], jobs["nightly"]);
        Assert.Equal(["*"], lint.On.Push);
        Assert.Equal((TimeSpan.FromHours(1), false, "builtin"), (lint.Timeout, lint.Required, lint.Runner));
        Assert.Equal((true, TimeSpan.FromMinutes(30), true), (quality.On.Registry, quality.Timeout, quality.Required));
        Assert.Equal(["look at the data", "all suites"], quality.Steps.Select(s => s.Title));
        Assert.Empty(quality.Steps[1].Suites!);
        Assert.Empty(nightly.On.Push);
        Assert.Equal(["lint", "quality"], CiJobs.WithNeeds(jobs, ["quality"]));
    }

    [Theory]
    [InlineData("a: {}", "ci.a.steps", "does nothing")]
    [InlineData("a: { steps: [{}] }", "ci.a.steps[0].run", "exactly one")]
    [InlineData("a: { steps: [{ run: x, suites: all }] }", "ci.a.steps[0].suites", "exactly one")]
    [InlineData("a: { steps: [{ suites: [] }] }", "ci.a.steps[0].suites", "No suite is named")]
    [InlineData("a: { steps: [{ suites: [no] }] }", "ci.a.steps[0].suites[0]", "is not defined under suites")]
    [InlineData("a: { steps: [{ run: x }], needs: [b] }", "ci.a.needs[0]", "is not defined under ci")]
    [InlineData("a: { steps: [{ run: x }], needs: [a] }", "ci.a.needs", "wait for itself")]
    [InlineData("a: { steps: [{ run: x }], timeout: 2d }", "ci.a.timeout", "at most a day")]
    [InlineData("a: { steps: [{ run: x }], timeout: 0s }", "ci.a.timeout", "more than nothing")]
    [InlineData("a: { steps: [{ run: x }], junit: [../x] }", "ci.a.junit", "no pattern")]
    [InlineData("a: { steps: [{ run: x }], on: { push: [/x] } }", "ci.a.on.push", "no pattern")]
    [InlineData("a: { steps: [{ run: x }], environment: { PILOTHOUSE_TOKEN: x } }", "ci.a.environment", "cannot be a variable")]
    [InlineData("a: { steps: [{ run: x }], on: { pushes: [main] } }", "ci.a.on.pushes", "Unknown key")]
    [InlineData("a: { runner: jenkins, steps: [{ run: x }] }", "ci.a.steps", "no meaning")]
    [InlineData("a: { runner: \"no/runner\", steps: [{ run: x }] }", "ci.a.runner", "no runner")]
    public void Faults_have_their_line_and_a_remedy(string jobs, string key, string says)
    {
        var fault = ProjectFileReader.Parse($"apiVersion: pilothouse/v1\nproject: p\nci:\n  {jobs}\n").Faults.First(f => f.Key == key);
        Assert.Contains(says, fault.Message);
        Assert.Equal(4, fault.Line);
        Assert.NotEmpty(fault.Remedy);
    }

    [Fact]
    public void A_circle_of_needs_is_named_at_each_of_its_jobs_and_ends()
    {
        const string Circle = "apiVersion: pilothouse/v1\nproject: p\nci:\n  a: { needs: [b], steps: [{ run: x }] }\n  b: { needs: [a], steps: [{ run: x }] }\n";
        Assert.Equal(["ci.a.needs", "ci.b.needs"], ProjectFileReader.Parse(Circle).Faults.Select(f => f.Key));
    }
}
