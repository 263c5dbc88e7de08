namespace Pilothouse.Server.Modules.Repositories.Api;

/// <summary>Protection of branches.</summary>
public interface IBranchRules
{
    /// <summary>Rules of a project; that of the default branch too, when the server protects it by default (<c>Repositories:ProtectDefaultBranch</c>).</summary>
    Task<IReadOnlyList<BranchRule>> ListAsync(string project, CancellationToken ct);

    Task SetAsync(string project, BranchRule rule, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task RemoveAsync(string project, string pattern, string actor, CancellationToken ct);
}

/// <param name="Pattern">Name of a branch without <c>refs/heads/</c>, or with <c>*</c> and <c>?</c>.</param>
/// <param name="Pushers">Logins who may push, or <see cref="Admins"/>; empty = everyone who may write.</param>
/// <param name="UpdatedBy">"" for the rule that the server has by itself.</param>
public sealed record BranchRule(string Pattern, bool AllowForce, bool AllowDeletion, IReadOnlyList<string> Pushers, string UpdatedBy, long UpdatedMs)
{
    /// <summary>Checks that must have succeeded on a commit before the branch takes it, such as <c>ci/jenkins</c>; besides the required jobs of pilothouse.yaml.</summary>
    public IReadOnlyList<string> RequiredChecks { get; init; } = [];

    /// <summary>Stands for every administrator.</summary>
    public const string Admins = "@admins";
}
