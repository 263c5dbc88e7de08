using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Platform;

/// <summary>The pointers of one module.</summary>
public interface IPointerSource
{
    /// <summary>True for a reference of this module's form, whether or not it is there.</summary>
    bool Owns(string reference);

    /// <exception cref="PilothouseException">NotFound: it never pointed anywhere.</exception>
    Task<PointerHistory> HistoryAsync(string reference, CancellationToken ct);

    /// <param name="to">A state that it had; null = the one before.</param>
    /// <exception cref="PilothouseException">NotFound; FailedPrecondition: there is no such earlier state, or what it pointed to is gone.</exception>
    Task<RollbackPlan> PlanAsync(string reference, string? to, CancellationToken ct);

    /// <returns>The move that was made.</returns>
    /// <exception cref="PilothouseException">As <see cref="PlanAsync"/>; FailedPrecondition: it has moved since the plan.</exception>
    Task<PointerMove> RollbackAsync(PointerRollback rollback, string actor, CancellationToken ct);
}

/// <summary>Aliases, stages and environments: their history, and the way back.</summary>
public interface IPointers
{
    /// <inheritdoc cref="IPointerSource.HistoryAsync"/>
    Task<PointerHistory> HistoryAsync(string reference, CancellationToken ct);

    /// <inheritdoc cref="IPointerSource.PlanAsync"/>
    Task<RollbackPlan> PlanAsync(string reference, string? to, CancellationToken ct);

    /// <inheritdoc cref="IPointerSource.RollbackAsync"/>
    Task<PointerMove> RollbackAsync(PointerRollback rollback, string actor, CancellationToken ct);
}

internal sealed class Pointers(IEnumerable<IPointerSource> sources) : IPointers
{
    private const int MaxReason = 2_000;

    public Task<PointerHistory> HistoryAsync(string reference, CancellationToken ct) => Of(reference).HistoryAsync(reference, ct);

    public Task<RollbackPlan> PlanAsync(string reference, string? to, CancellationToken ct) => Of(reference).PlanAsync(reference, to, ct);

    public Task<PointerMove> RollbackAsync(PointerRollback rollback, string actor, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(rollback.Reason)) throw new PilothouseException(ErrorCode.InvalidArgument, "A rollback needs a reason: it stands in the audit log (--reason).");
        if (rollback.Reason.Length > MaxReason || rollback.Reason.Contains('\0'))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The reason has at most {MaxReason} characters, none of them NUL.");
        return Of(rollback.Reference).RollbackAsync(rollback, actor, ct);
    }

    private IPointerSource Of(string? reference) => sources.FirstOrDefault(s => reference is not null && s.Owns(reference)) ?? throw new PilothouseException(ErrorCode.InvalidArgument,
        $"'{(reference?.Length > 100 ? reference[..100] : reference)}' is not a pointer. Write models:/NAME@ALIAS, prompts:/NAME@ALIAS, models:/NAME/STAGE (Staging, Production, Archived) or PROJECT/ENVIRONMENT.");
}
