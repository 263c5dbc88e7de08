using System.IO.Enumeration;
using Pilothouse.Protocols.Ci;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Ci.Forges;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>Rules of connections and of what starts a build.</summary>
internal sealed class CiService(CiStore store, CiSecrets secrets, CiDispatcher dispatcher, IProjects projects, IRepositories repositories, Ids ids, TimeProvider time) : ICiBuilds, IPushSubscriber
{
    private const int MaxText = 500;
    private const int MaxSecret = 4_000;
    private const int MinHookSecret = 16;
    private const int MaxBranches = 50;
    private const int MaxPage = 1_000;
    private const string Heads = "refs/heads/";

    public string Subscriber => "ci";

    public async Task<IReadOnlyList<CiConnection>> ConnectionsAsync(string project, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return [.. (await store.ConnectionsAsync(project, ct)).Select(c => c.ToConnection())];
    }

    public async Task<CiConnection> ConnectAsync(string project, string name, NewCiConnection connection, string actor, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        Validate(name, connection);
        var row = new ConnectionRow
        {
            Project = project,
            Name = name,
            System = connection.System,
            Url = (connection.Url is { Length: > 0 } url ? url : DefaultUrl(connection.System)!).TrimEnd('/'),
            Target = connection.Target,
            Account = connection.User is { Length: > 0 } user ? user : null,
            Secret = secrets.Seal(connection.Secret),
            BuildRef = connection.Ref is { Length: > 0 } branch ? branch : null,
            Branches = WireJson.Write(connection.Branches is { Count: > 0 } branches ? branches : ["*"]),
            OnRegistry = connection.OnRegistry ? 1 : 0,
            WebhookSecret = connection.WebhookSecret is { Length: > 0 } hook ? secrets.Seal(hook) : null,
            Builds = connection.Builds ? 1 : 0,
            Statuses = connection.Statuses ? 1 : 0,
            UpdatedBy = actor,
            UpdatedMs = time.NowMs(),
        };
        return await store.SetAsync(row, ct) ? row.ToConnection() : throw new PilothouseException(ErrorCode.TooLarge, $"The project has {CiStore.MaxConnections} connections already, which is the limit.");
    }

    public async Task DisconnectAsync(string project, string name, string actor, CancellationToken ct)
    {
        if (!await store.RemoveAsync(project, name, actor, ct)) throw Missing(project, name);
    }

    public async Task<CiBuild> StartAsync(string project, string name, string? revision, string actor, CancellationToken ct)
    {
        var known = await projects.GetAsync(project, ct);
        var connection = await store.FindAsync(project, name, ct) ?? throw Missing(project, name);
        if (connection.Builds == 0) throw new PilothouseException(ErrorCode.FailedPrecondition, $"'{name}' starts no builds: it was connected for statuses only.");
        var at = revision is { Length: > 0 } ? revision : known.DefaultBranch;
        return await QueueAsync(connection, "by hand", await repositories.ResolveAsync(project, at, ct), connection.BuildRef ?? known.DefaultBranch, actor, ct)
            ?? throw new PilothouseException(ErrorCode.RateLimited, $"{CiStore.MaxWaiting} builds of '{name}' wait already. See the errors of its builds.");
    }

    /// <summary>Starts a build that is a job of pilothouse.yaml.</summary>
    public async Task<CiBuild> StartJobAsync(string project, string name, string job, string commit, string branch, string actor, CancellationToken ct)
    {
        var connection = await store.FindAsync(project, name, ct) ?? throw Missing(project, name);
        return await QueueAsync(connection, "job", commit, connection.BuildRef ?? branch, actor, ct, job) ?? throw new PilothouseException(ErrorCode.RateLimited, $"{CiStore.MaxWaiting} builds of '{name}' wait already.");
    }

    public async Task<IReadOnlyList<CiBuild>> BuildsAsync(string project, int limit, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return [.. (await store.BuildsAsync(project, Math.Clamp(limit, 1, MaxPage), ct)).Select(b => b.ToBuild())];
    }

    /// <summary>Builds of a push: one for each connection and branch. A push with the option ci.skip starts none.</summary>
    public async Task PushedAsync(string id, RepositoryPushed push, CancellationToken ct)
    {
        if (push.Options.Contains(RepositoryPushed.SkipCi)) return;
        var branches = push.Updates.Where(u => u.Ref.StartsWith(Heads, StringComparison.Ordinal) && u.NewCommit.AsSpan().TrimStart('0').Length > 0).ToList();
        if (branches.Count == 0) return;
        foreach (var connection in (await store.ConnectionsAsync(push.Project, ct)).Where(c => c.Builds != 0))
            foreach (var update in branches.Where(u => Matches(connection, u.Ref[Heads.Length..])))
                await QueueAsync(connection, "push", update.NewCommit, connection.BuildRef ?? update.Ref[Heads.Length..], push.Actor, ct, eventId: $"{id}:{update.Ref}");
    }

    /// <summary>Builds of new versions of models, prompts or data sets, for the connections that ask for them.</summary>
    public async Task VersionAddedAsync(CancellationToken ct)
    {
        foreach (var connection in await store.OnRegistryAsync(ct))
        {
            var project = await projects.GetAsync(connection.Project, ct);
            await QueueAsync(connection, "registry", await HeadAsync(project, ct), connection.BuildRef ?? project.DefaultBranch, Caller.System.Name, ct);
        }
    }

    /// <returns>Null when too many wait already, or the event has started one before.</returns>
    private async Task<CiBuild?> QueueAsync(ConnectionRow connection, string cause, string? commit, string branch, string actor, CancellationToken ct, string? job = null, string? eventId = null)
    {
        var now = time.NowMs();
        var build = new BuildRow
        {
            Id = ids.New(),
            Project = connection.Project,
            Connection = connection.Name,
            System = connection.System,
            Cause = cause,
            CommitId = commit,
            BuildRef = branch,
            Job = job,
            EventId = eventId,
            NextMs = now,
            CreatedMs = now,
            UpdatedMs = now,
        };
        if (!await store.AddAsync(build, actor, ct)) return null;
        dispatcher.Wake();
        return build.ToBuild();
    }

    private async Task<string?> HeadAsync(Project project, CancellationToken ct)
    {
        try
        {
            return await repositories.ResolveAsync(project.Name, project.DefaultBranch, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null; // nothing was pushed yet; the CI system may have the code
        }
    }

    private static bool Matches(ConnectionRow connection, string branch) => connection.BranchList.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, branch, ignoreCase: false));

    private static void Validate(string name, NewCiConnection c)
    {
        if (!NameRule.IsValid(name)) throw Wrong($"'{(name.Length > 40 ? name[..40] : name)}' cannot be the name of a connection. Use letters, digits, '-', '_' and '.', beginning with a letter or digit.");
        if (c.System is null || CiSystems.Parse(c.System) is null && !ForgeClient.Systems.Contains(c.System)) throw Wrong($"The system is one of {string.Join(", ", CiSystems.Names)}, or gitea for statuses.");
        if (c.Statuses && !ForgeClient.Systems.Contains(c.System)) throw Wrong($"{c.System} keeps no statuses of commits; {string.Join(", ", ForgeClient.Systems)} do.");
        if (c.Builds && CiSystems.Parse(c.System) is null) throw Wrong($"{c.System} is connected for statuses only: builds = false, statuses = true.");
        if (!c.Builds && !c.Statuses && CiSystems.Parse(c.System) is null) throw Wrong("The connection would do nothing: ask for statuses.");
        if (c.WebhookSecret is { Length: > 0 } hook && (hook.Length is < MinHookSecret or > MaxSecret || hook.Any(ch => ch is < ' ' or > '~'))) throw Wrong($"The webhook's secret has {MinHookSecret} to {MaxSecret} printable ASCII characters.");
        if (c.Target is not { Length: > 0 and <= MaxText } || c.Target.Any(ch => char.IsControl(ch) || char.IsWhiteSpace(ch)) || c.Target.Split('/').Any(part => part is "" or "." or ".."))
            throw Wrong("The target is the path of a job (Jenkins), a project slug such as gh/org/repo (CircleCI), owner/repo (Travis, GitHub, Gitea) or the id or path of a project (GitLab).");
        if (c.Secret is not { Length: > 0 and <= MaxSecret } || c.Secret.Any(ch => ch is < ' ' or > '~')) throw Wrong($"The secret has 1 to {MaxSecret} printable ASCII characters: an API token or password.");
        if (c.Url is not { Length: > 0 } && DefaultUrl(c.System) is null) throw Wrong($"Say where {c.System} is: url.");
        if (c.Url is { Length: > 0 } url && (url.Length > MaxText || !Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https") || parsed.UserInfo.Length > 0 || parsed.Query.Length > 0 || parsed.Fragment.Length > 0))
            throw Wrong("The url is the http or https address of the API, without user, query or fragment; the secret goes into its own field.");
        if (c.System == "jenkins" && c.User is not { Length: > 0 and <= MaxText }) throw Wrong("Jenkins needs the user whose API token or password the secret is.");
        if (c.User?.Any(ch => ch == ':' || char.IsControl(ch)) == true) throw Wrong("The user holds neither ':' nor control characters.");
        if (c.Ref is { Length: > MaxText }) throw Wrong($"The ref has at most {MaxText} characters.");
        if (c.Branches is { Count: > MaxBranches } || c.Branches?.Any(b => b is not { Length: > 0 and <= MaxText }) == true) throw Wrong($"Name at most {MaxBranches} branches or patterns.");
    }

    private static string? DefaultUrl(string system) => system switch
    {
        "circleci" => "https://circleci.com",
        "travis" => "https://api.travis-ci.com",
        "github" => "https://api.github.com",
        "gitlab" => "https://gitlab.com",
        _ => null,
    };

    private static PilothouseException Missing(string project, string name) => new(ErrorCode.NotFound, $"Project '{project}' has no connection '{(name.Length > 40 ? name[..40] : name)}'. pilothouse ci list shows them, as GET /api/v1/projects/{project}/ci/connections does.");

    private static PilothouseException Wrong(string message) => new(ErrorCode.InvalidArgument, message);
}
