using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Pipelines.Statuses;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>
/// Checks that a protected branch asks for: those of its rule, and the jobs that pilothouse.yaml calls required, as the branch has it now and as the commit has it, so that a commit cannot take its own
/// gate away.
/// </summary>
internal sealed class RequiredChecks(StatusStore statuses, IRepositories repositories) : IRequiredChecks
{
    private const int MaxNamed = 20;

    public async Task<IReadOnlyList<string>> MissingAsync(string project, string? from, string to, IReadOnlyList<string> checks, CancellationToken ct)
    {
        var (before, after) = (await RequiredAsync(project, from, ct), from is null ? null : await RequiredAsync(project, to, ct));
        var required = checks.Concat(before ?? []).Concat(after ?? []).Distinct(StringComparer.Ordinal).ToList();
        if (required.Count == 0) return [];
        var said = (await statuses.ListAsync(project, to, ct)).ToDictionary(s => s.Context, StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var check in required)
        {
            if (said.GetValueOrDefault(check) is not { } status)
                missing.Add($"  {check}: not there{(after is not null && !after.Contains(check) && before?.Contains(check) == true ? ", and no longer a required job of this commit" : "")}");
            else if (status.State != "success") missing.Add($"  {check}: {status.State}{(status.Description is { } why ? $" ({why})" : "")}");
        }
        return missing.Count <= MaxNamed ? missing : [.. missing.Take(MaxNamed), $"  ... and {missing.Count - MaxNamed} more"];
    }

    /// <returns>Null when the commit is not here (yet), or its file cannot be read.</returns>
    private async Task<IReadOnlyList<string>?> RequiredAsync(string project, string? commit, CancellationToken ct)
    {
        if (commit is null) return null;
        try
        {
            return [.. (await repositories.ReadProjectFileAsync(project, commit, ct)).Ci.Where(j => j.Value.Required).Select(j => CiJobEntry.ContextPrefix + j.Key)];
        }
        catch (PilothouseException e) when (e.Code is ErrorCode.NotFound or ErrorCode.InvalidArgument)
        {
            return null;
        }
    }
}
