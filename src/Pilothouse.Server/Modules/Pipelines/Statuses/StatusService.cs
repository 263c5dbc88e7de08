using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Statuses;

internal sealed class StatusService(StatusStore store, IProjects projects, IRepositories repositories, StatusBell bell, TimeProvider time) : ICommitStatuses
{
    /// <summary>GitHub's limit, so that what is kept here can be told there.</summary>
    public const int MaxDescription = 140;
    private const int MaxPage = 1_000;
    private const int MaxContext = 100;
    private const int MaxUrl = 2048;
    private static readonly string[] States = ["pending", "success", "failure", "error"];

    public async Task<IReadOnlyList<CommitStatus>> ListAsync(string project, string commit, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return await store.ListAsync(project, await repositories.ResolveAsync(project, commit, ct), ct);
    }

    public async Task<IReadOnlyList<CommitStatus>> RecentAsync(string project, int limit, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return await store.RecentAsync(project, Math.Clamp(limit, 1, MaxPage), ct);
    }

    public async Task<CommitStatus> SetAsync(string project, string commit, NewCommitStatus status, string actor, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        Validate(status);
        if (status.Context.StartsWith(ICommitStatuses.OwnPrefix, StringComparison.Ordinal) && actor != Caller.System.Name)
            throw Wrong($"Checks named {ICommitStatuses.OwnPrefix}* are this server's own. Use another name, such as ci/{status.Context[ICommitStatuses.OwnPrefix.Length..]}.");
        var set = new CommitStatus(project, await repositories.ResolveAsync(project, commit, ct), status.Context, status.State, NullIfEmpty(status.Description), NullIfEmpty(status.TargetUrl), actor, time.NowMs());
        if (!await store.SetAsync(set, ct)) throw new PilothouseException(ErrorCode.TooLarge, $"The commit has {StatusStore.MaxChecks} checks already, which is the limit.");
        bell.Ring();
        return set;
    }

    /// <summary>A description that fits, cut at its end when it must be.</summary>
    public static string Fit(string description) => description.Length <= MaxDescription ? description : description[..(MaxDescription - 3)] + "...";

    /// <summary>An address that a status may lead to.</summary>
    public static bool IsAddress(string? url) => url?.Length <= MaxUrl && Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https" && parsed.UserInfo.Length == 0;

    private static void Validate(NewCommitStatus status)
    {
        if (!States.Contains(status.State)) throw Wrong($"'{Short(status.State)}' is no state of a check. It is one of {string.Join(", ", States)}.");
        if (status.Context is not { Length: > 0 and <= MaxContext } || status.Context.Any(char.IsControl)) throw Wrong($"A check has a name of at most {MaxContext} characters, such as ci/jenkins.");
        if (status.Description is { Length: > MaxDescription }) throw Wrong($"The description has {status.Description.Length} characters; {MaxDescription} is the limit.");
        if (status.Description?.Any(char.IsControl) == true) throw Wrong("The description is one line of text.");
        if (status.TargetUrl is { Length: > 0 } url && !IsAddress(url))
            throw Wrong($"target_url is an http or https address of at most {MaxUrl} characters, without user and password.");
    }

    private static string Short(string? text) => text is null ? "" : text.Length <= 40 ? text : text[..40] + "...";

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static PilothouseException Wrong(string message) => new(ErrorCode.InvalidArgument, message);
}
