namespace Pilothouse.Protocols.V1;

/// <summary>Something that moves from one immutable thing to another, and everything it ever pointed to.</summary>
/// <param name="Reference"><c>models:/NAME@ALIAS</c>, <c>prompts:/NAME@ALIAS</c>, <c>models:/NAME/Production</c> (a stage) or <c>PROJECT/ENVIRONMENT</c>.</param>
/// <param name="Kind">alias, stage or environment.</param>
/// <param name="Current">Null = it points nowhere (any more).</param>
/// <param name="Moves">Newest first; kept when the pointer, or what it belonged to, is deleted.</param>
public sealed record PointerHistory(string Reference, string Kind, string? Current, IReadOnlyList<PointerMove> Moves);

/// <param name="Id">Names the state after this move: <c>#17</c> (the entry of the audit log) or a rollout's id.</param>
/// <param name="Pointer">As a reference.</param>
/// <param name="From">Null = it pointed nowhere.</param>
/// <param name="To">A version, versions separated by commas (a stage), or a release's digest; null = nowhere.</param>
/// <param name="Kind">set, deploy, rollback or delete.</param>
/// <param name="AuditIndex">Entry of the audit log; null where that is not known.</param>
public sealed record PointerMove(string Id, string Pointer, string? From, string? To, string Kind, string Actor, string? Reason, long TimeMs, long? AuditIndex);

/// <summary>What a rollback would do.</summary>
/// <param name="From">What the pointer points to now.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Changes">What changes, in lines; of models, prompts and releases also as a document.</param>
public sealed record RollbackPlan(string Reference, string? From, string To, string Summary, IReadOnlyList<string> Changes)
{
    public ModelDiff? Model { get; init; }

    public PromptDiff? Prompt { get; init; }

    public ReleaseDiff? Release { get; init; }
}

/// <param name="Reference">See <see cref="PointerHistory"/>.</param>
/// <param name="Reason">Stands in the audit log.</param>
/// <param name="To">A state that the pointer had: a version, a release, or the id of a move; null = the one before.</param>
/// <param name="Expect">What the pointer must still point to: what the plan said. Null = whatever it is.</param>
public sealed record PointerRollback(string Reference, string Reason, string? To = null, string? Expect = null);
