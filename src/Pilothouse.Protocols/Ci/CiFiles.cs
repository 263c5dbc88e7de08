using Pilothouse.Protocols.Ci.Templates;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci;

/// <summary>A file that <c>pilothouse ci init</c> writes.</summary>
/// <param name="Path">Relative to the repository's root, with <c>/</c>.</param>
public sealed record CiFile(string Path, string Content);

/// <summary>What to set before the first build.</summary>
/// <param name="Name">Name of the variable, credential or context.</param>
public sealed record CiSecret(string Name, string Where, string What);

/// <summary>Pipelines for each CI system. The same project gives the same bytes.</summary>
public static class CiFiles
{
    /// <summary>The steps of all pipelines: install, test, report.</summary>
    public const string ScriptPath = ".pilothouse/ci.sh";

    /// <param name="project">Name of the project on the server.</param>
    /// <param name="baseline">What is compared with: an environment or a revision; null = no comparison, only floors.</param>
    /// <param name="schedules">Rounds of the pipeline, where the system's file can say them; null = the project says nothing of it: each night.</param>
    public static IReadOnlyList<CiFile> For(CiSystem system, string project, string? baseline, IReadOnlyList<CiSchedule>? schedules) =>
    [
        new(CiSystems.FileOf(system), system switch
        {
            CiSystem.Jenkins => JenkinsTemplate.Write(baseline, schedules),
            CiSystem.CircleCi => CircleCiTemplate.Write(baseline, schedules),
            CiSystem.Travis => TravisTemplate.Write(baseline, schedules),
            CiSystem.GitHub => GitHubTemplate.Write(baseline, schedules),
            _ => GitLabTemplate.Write(baseline, schedules),
        }),
        new(ScriptPath, ScriptTemplate.Write(project)),
    ];

    /// <summary>Schedules that a project's pipeline has: those of the jobs that this server does not start on a connected system itself. Null = no job has any.</summary>
    public static IReadOnlyList<CiSchedule>? SchedulesOf(ProjectFile project)
    {
        var all = project.Ci.Values.Where(j => j.On.Schedule.Count > 0).ToList();
        return all.Count == 0 ? null : [.. all.Where(j => j.Runner == CiJobEntry.BuiltIn).SelectMany(j => j.On.Schedule).Distinct()];
    }

    /// <summary>What a person has to set in the system, and where.</summary>
    public static IReadOnlyList<CiSecret> Secrets(CiSystem system)
    {
        const string token = "a token of the role writer: pilothouse token create ci --role writer";
        const string url = "the address of the Pilothouse server, as the build machine reaches it";
        return system switch
        {
            CiSystem.Jenkins => [new("pilothouse-token", "Manage Jenkins > Credentials (kind: Secret text)", token), new("PILOTHOUSE_URL", "Manage Jenkins > System > Global properties > Environment variables", url)],
            CiSystem.CircleCi => [new("PILOTHOUSE_TOKEN", "Organization Settings > Contexts > pilothouse", token), new("PILOTHOUSE_URL", "the same context", url)],
            CiSystem.Travis => [new("PILOTHOUSE_TOKEN", "repository > Settings > Environment Variables (not displayed in the build log)", token), new("PILOTHOUSE_URL", "the same page", url)],
            CiSystem.GitHub => [new("PILOTHOUSE_TOKEN", "repository > Settings > Secrets and variables > Actions > Secrets", token), new("PILOTHOUSE_URL", "the same page, Variables", url)],
            _ => [new("PILOTHOUSE_TOKEN", "project > Settings > CI/CD > Variables (masked)", token), new("PILOTHOUSE_URL", "the same page", url)],
        };
    }
}
