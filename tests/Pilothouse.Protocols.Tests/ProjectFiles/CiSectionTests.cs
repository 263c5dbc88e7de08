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
        Assert.Equal(["look at the data", "all suites", "sync"], quality.Steps.Select(s => s.Title));
        Assert.Equal([new CiSchedule("0 3 * * 1-5", "main"), new CiSchedule("30 4 * * *", null)], quality.On.Schedule);
        Assert.Equal((2L << 30, TimeSpan.FromMinutes(10)), (quality.Memory, quality.Cpu));
        Assert.Empty(quality.Steps[1].Suites!);
        Assert.Empty(nightly.On.Push);
        Assert.Equal(["lint", "quality"], CiJobs.WithNeeds(jobs, ["quality"]));
    }

    [Theory]
    [InlineData("a: {}", "ci.a.steps", "does nothing")]
    [InlineData("a: { steps: [{}] }", "ci.a.steps[0].run", "exactly one")]
    [InlineData("a: { steps: [{ run: x, suites: all }] }", "ci.a.steps[0].suites", "exactly one")]
    [InlineData("a: { steps: [{ run: x, sync: true }] }", "ci.a.steps[0].sync", "exactly one")]
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
    [InlineData("a: { steps: [{ run: x }], on: { schedule: \"0 3 * *\" } }", "ci.a.on.schedule", "no schedule of five fields")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: \"0 3 * * MON\" } }", "ci.a.on.schedule", "no schedule of five fields")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: \"60 3 * * *\" } }", "ci.a.on.schedule", "no schedule of five fields")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: \"0 3 1 * 1\" } }", "ci.a.on.schedule", "weekday")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: \"0 3 31 2 *\" } }", "ci.a.on.schedule", "never comes")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: [\"0 3 * * *\", \"*/2 * * * *\"] } }", "ci.a.on.schedule[1]", "2m apart")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: [{ branch: main }] } }", "ci.a.on.schedule[0].cron", "required")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: { cron: \"0 3 * * *\", branch: \"release/*\" } } }", "ci.a.on.schedule.branch", "no branch")]
    [InlineData("a: { steps: [{ run: x }], on: { schedule: [] } }", "ci.a.on.schedule", "empty")]
    [InlineData("a: { steps: [{ run: x }], memory: 2 }", "ci.a.memory", "no amount of memory")]
    [InlineData("a: { steps: [{ run: x }], memory: 1MiB }", "ci.a.memory", "no amount of memory")]
    [InlineData("a: { steps: [{ run: x }], cpu: 0s }", "ci.a.cpu", "some processor time")]
    [InlineData("a: { runner: jenkins, memory: 2GiB }", "ci.a.memory", "no meaning")]
    [InlineData("a: { runner: jenkins, steps: [{ run: x }] }", "ci.a.steps", "no meaning")]
    [InlineData("a: { runner: \"no/runner\", steps: [{ run: x }] }", "ci.a.runner", "no runner")]
    public void Faults_have_their_line_and_a_remedy(string jobs, string key, string says)
    {
        var fault = ProjectFileReader.Parse($"apiVersion: pilothouse/v1\nproject: p\nci:\n  {jobs}\n").Faults.First(f => f.Key == key);
        Assert.Contains(says, fault.Message);
        Assert.Equal(4, fault.Line);
        Assert.NotEmpty(fault.Remedy);
    }

    [Theory]
    [InlineData("0 3 * * *", "2026-11-25T10:00:00Z", "2026-11-26T03:00:00Z")]
    [InlineData("0 3 * * *", "2026-11-26T02:59:59Z", "2026-11-26T03:00:00Z")]
    [InlineData("0 3 * * *", "2026-11-26T03:00:00Z", "2026-11-27T03:00:00Z")]
    [InlineData("*/15 9-17 * * 1-5", "2026-11-27T17:45:00Z", "2026-11-30T09:00:00Z")]
    [InlineData("0 0 29 2 *", "2026-11-26T00:00:00Z", "2028-02-29T00:00:00Z")]
    [InlineData("0 12 * * 0", "2026-11-26T00:00:00Z", "2026-11-29T12:00:00Z")]
    [InlineData("0 12 * * 7", "2026-11-26T00:00:00Z", "2026-11-29T12:00:00Z")]
    public void Rounds_come_in_UTC(string cron, string after, string next)
    {
        Assert.Null(CronSchedule.Fault(cron));
        Assert.Equal(DateTimeOffset.Parse(next, System.Globalization.CultureInfo.InvariantCulture), CronSchedule.Next(cron, DateTimeOffset.Parse(after, System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void A_circle_of_needs_is_named_at_each_of_its_jobs_and_ends()
    {
        const string Circle = "apiVersion: pilothouse/v1\nproject: p\nci:\n  a: { needs: [b], steps: [{ run: x }] }\n  b: { needs: [a], steps: [{ run: x }] }\n";
        Assert.Equal(["ci.a.needs", "ci.b.needs"], ProjectFileReader.Parse(Circle).Faults.Select(f => f.Key));
    }
}
