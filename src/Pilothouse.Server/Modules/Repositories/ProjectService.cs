using System.Text.RegularExpressions;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

internal sealed partial class ProjectService(ProjectStore store, Git git, TimeProvider time) : IProjects
{
    private const string DefaultBranch = "main";

    public async Task<Project> CreateAsync(string name, string actor, CancellationToken ct)
    {
        if (!NamePattern().IsMatch(name))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{name}' cannot name a project: it becomes a path and an address. Use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.");
        if (await store.FindAsync(name, ct) is not null)
            throw new PilothouseException(ErrorCode.AlreadyExists, $"The project '{name}' exists already.");

        // The repository first: a project row without one would be half a project. `git init` on an existing directory is harmless.
        await RunAsync(null, ["init", "--bare", "--quiet", $"--initial-branch={DefaultBranch}", git.PathOf(name)], ct);
        foreach (var (key, value) in Configuration) await RunAsync(name, ["config", key, value], ct);

        var project = new Project(name, actor, time.NowMs(), DefaultBranch);
        await store.InsertAsync(project, new AuditEvent(actor, "project.create", $"projects/{name}", new { default_branch = DefaultBranch }), ct);
        return project;
    }

    public async Task<Project> GetAsync(string name, CancellationToken ct)
    {
        if (await store.FindAsync(name, ct) is { } project) return project;
        var names = (await store.ListAsync(ct)).Select(p => p.Name).Take(10).ToList();
        throw new PilothouseException(ErrorCode.NotFound, $"There is no project '{name}'. " + (names.Count == 0 ? "Create it with: pilothouse project create " + name : "There are: " + string.Join(", ", names) + "."));
    }

    public Task<IReadOnlyList<Project>> ListAsync(CancellationToken ct) => store.ListAsync(ct);

    private static readonly (string Key, string Value)[] Configuration =
    [
        ("receive.fsckObjects", "true"),
        ("uploadpack.allowFilter", "true"),       // partial clone
        ("uploadpack.allowAnySHA1InWant", "true"), // CI fetches a commit by id
        ("core.fsync", "committed"),               // an acknowledged push is durable
        ("gc.auto", "0"),                          // no background gc under a request: RepositoryMaintenance does it
    ];

    private async Task RunAsync(string? project, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var (exitCode, _, error) = await git.RunAsync(project, arguments, 4096, ct);
        if (exitCode != 0) throw new PilothouseException(ErrorCode.Internal, $"git {arguments[0]} failed: {error}");
    }

    [GeneratedRegex("^[a-z][a-z0-9-]{0,62}$")]
    private static partial Regex NamePattern();
}
