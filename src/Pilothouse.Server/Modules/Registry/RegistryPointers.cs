using System.Globalization;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Aliases and stages: <c>models:/NAME@ALIAS</c>, <c>prompts:/NAME@ALIAS</c>, <c>models:/NAME/Production</c>.</summary>
internal sealed class RegistryPointers(RegistryStore store, VersionChanges changes, RegistryAnnouncer announcer, TimeProvider time) : IPointerSource
{
    private const int MaxNamed = 20;

    private static readonly (string Scheme, string Type)[] Schemes = [(RegistryReference.Models, ObjectType.Model), (RegistryReference.Prompts, ObjectType.Prompt)];

    public bool Owns(string reference) => Schemes.Any(s => reference.StartsWith(s.Scheme + ":/", StringComparison.Ordinal));

    public async Task<PointerHistory> HistoryAsync(string reference, CancellationToken ct)
    {
        var pointer = await ParseAsync(reference, ct);
        var moves = await MovesAsync(pointer, ct);
        return new PointerHistory(pointer.Reference, pointer.IsAlias ? "alias" : "stage", await store.StateAsync(pointer.Type, pointer.Name, pointer.Key, ct), moves.ConvertAll(m => View(pointer.Scheme, m)));
    }

    public async Task<RollbackPlan> PlanAsync(string reference, string? to, CancellationToken ct)
    {
        var pointer = await ParseAsync(reference, ct);
        var current = await store.StateAsync(pointer.Type, pointer.Name, pointer.Key, ct);
        var target = await TargetAsync(pointer, current, to, ct);
        var (lines, detail) = await changes.ExplainAsync(pointer.Type, pointer.Name, Newest(current), Newest(target), ct);
        if (!pointer.IsAlias) lines = [.. Stages(pointer.Key, current, target), .. lines];
        return new RollbackPlan(pointer.Reference, current, target, $"{pointer.Reference} goes from {current ?? "nothing"} back to {target}.", lines) { Model = detail as ModelDiff, Prompt = detail as PromptDiff };
    }

    public async Task<PointerMove> RollbackAsync(PointerRollback rollback, string actor, CancellationToken ct)
    {
        var pointer = await ParseAsync(rollback.Reference, ct);
        var current = await store.StateAsync(pointer.Type, pointer.Name, pointer.Key, ct);
        if (rollback.Expect is { } expected && expected != (current ?? "")) throw Moved(pointer, expected, current);
        var target = await TargetAsync(pointer, current, rollback.To, ct);
        var cause = new MoveCause(actor, rollback.Reason, MoveCause.Rollback);
        if (pointer.IsAlias)
        {
            var version = RegistryStore.Versions(target)[0];
            if (!await store.MoveAliasAsync(pointer.Type, pointer.Name, pointer.Key[1..], Newest(current), version, cause, time.NowMs(), ct)) throw Moved(pointer, current, null);
            await announcer.AliasAsync(pointer.Type, pointer.Name, pointer.Key[1..], version, ct);
        }
        else if (!await store.RestoreStageAsync(pointer.Type, pointer.Name, pointer.Key, current, RegistryStore.Versions(target), cause, time.NowMs(), ct)) throw Moved(pointer, current, null);
        return View(pointer.Scheme, (await store.MovesAsync(pointer.Type, pointer.Name, pointer.Key, 1, ct))[0]);
    }

    /// <summary>
    /// The state to go back to. Without a name: the one before what was set, so that two rollbacks in a row go back two states instead of to and fro.
    /// </summary>
    private async Task<string> TargetAsync(Pointer pointer, string? current, string? to, CancellationToken ct)
    {
        var moves = await MovesAsync(pointer, ct);
        var states = moves.SelectMany(m => new[] { m.NewState, m.OldState }).OfType<string>().Distinct().Where(s => s != current).ToList();
        string? target;
        if (string.IsNullOrEmpty(to))
        {
            var set = moves.Find(m => m.Kind != MoveCause.Rollback && m.NewState == current);
            target = set is null ? moves.FirstOrDefault()?.OldState : set.OldState;
            if (target is null) throw Impossible($"{pointer.Reference} has no state before {current ?? "this one"}. {Had(states)}");
        }
        else if (to.StartsWith('#') && long.TryParse(to.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index))
        {
            var move = moves.Find(m => m.AuditIndex == index) ?? throw Impossible($"{pointer.Reference} has no move {to}. See its history: pilothouse rollback {pointer.Reference} --history.");
            target = move.NewState ?? throw Impossible($"After the move {to} {pointer.Reference} pointed nowhere: there is nothing to go back to. {Had(states)}");
        }
        else
        {
            target = to.Replace(" ", "", StringComparison.Ordinal);
            if (target != current && !states.Contains(target)) throw Impossible($"{pointer.Reference} never pointed to '{RegistryRules.Shorten(to)}'. {Had(states)} For a new one set it: pilothouse {pointer.Type} alias.");
        }
        if (target == current) throw Impossible($"{pointer.Reference} points to {current} already.");
        foreach (var version in RegistryStore.Versions(target))
        {
            if (await store.FindVersionAsync(pointer.Type, pointer.Name, version, ct) is null)
                throw Impossible($"Version {version} of '{pointer.Name}' was deleted: {pointer.Reference} cannot go back to it. {Had([.. states.Where(s => s != target)])}");
        }
        return target;
    }

    private async Task<List<MoveRow>> MovesAsync(Pointer pointer, CancellationToken ct)
    {
        var moves = await store.MovesAsync(pointer.Type, pointer.Name, pointer.Key, RegistryStore.MaxMoves, ct);
        if (moves.Count > 0) return moves;
        var known = (await store.MovesAsync(pointer.Type, pointer.Name, null, RegistryStore.MaxMoves, ct)).Select(m => m.Pointer).Distinct().Take(MaxNamed).ToList();
        throw new PilothouseException(ErrorCode.NotFound, $"There is no pointer {pointer.Reference}, and there never was. {(known.Count > 0 ? $"'{pointer.Name}' has had {string.Join(", ", known)}." : $"Nothing of '{RegistryRules.Shorten(pointer.Name)}' was ever pointed to.")}");
    }

    private async Task<Pointer> ParseAsync(string reference, CancellationToken ct)
    {
        var (scheme, type) = Schemes.First(s => reference.StartsWith(s.Scheme + ":/", StringComparison.Ordinal));
        var rest = reference[(scheme.Length + 2)..];
        var cut = rest.IndexOfAny(['/', '@']);
        if (cut > 0 && RegistryReference.IsReadableName(rest[..cut]) && rest[(cut + 1)..] is { Length: > 0 and <= MlflowRules.MaxAlias } target && !target.Any(c => char.IsControl(c) || c is '/' or ':'))
        {
            var name = await store.CurrentNameAsync(type, rest[..cut], ct) ?? rest[..cut];
            if (rest[cut] == '@') return new Pointer(scheme, type, name, "@" + target);
            if (Stage.All.FirstOrDefault(s => s != Stage.None && s.Equals(target, StringComparison.OrdinalIgnoreCase)) is { } stage) return new Pointer(scheme, type, name, stage);
            if (target.All(char.IsAsciiDigit)) throw RegistryRules.Invalid($"{RegistryRules.Shorten(reference)} is a version, which never moves. Name an alias: {scheme}:/{name}@ALIAS.");
        }
        throw RegistryRules.Invalid($"'{RegistryRules.Shorten(reference)}' is not a pointer. Write {scheme}:/NAME@ALIAS or {scheme}:/NAME/STAGE (Staging, Production, Archived).");
    }

    internal static PointerMove View(string scheme, MoveRow m) => new($"#{m.AuditIndex}", Reference(scheme, m.Name, m.Pointer), m.OldState, m.NewState, m.Kind, m.Actor, m.Reason, m.TimeMs, m.AuditIndex >= 0 ? m.AuditIndex : null);

    private static string Reference(string scheme, string name, string key) => $"{scheme}:/{name}{(key[0] == '@' ? key : "/" + key)}";

    private static IEnumerable<string> Stages(string stage, string? current, string target)
    {
        var (now, then) = (RegistryStore.Versions(current), RegistryStore.Versions(target));
        if (now.Except(then).ToList() is { Count: > 0 } leave) yield return $"leave {stage}: version {string.Join(", ", leave)}";
        if (then.Except(now).ToList() is { Count: > 0 } enter) yield return $"enter {stage}: version {string.Join(", ", enter)}";
    }

    /// <summary>MLflow's "the model in Production" is the newest version in it.</summary>
    private static long? Newest(string? state) => RegistryStore.Versions(state) is { Count: > 0 } versions ? versions.Max() : null;

    private static string Had(List<string> states) => states.Count == 0 ? "It has had no other." : $"It has had {string.Join("; ", states.Take(MaxNamed))}.";

    private static PilothouseException Impossible(string message) => new(ErrorCode.FailedPrecondition, message);

    private static PilothouseException Moved(Pointer pointer, string? expected, string? current) =>
        Impossible($"{pointer.Reference} has just moved{(current is null ? "" : $" to {current}")}: it does not point to {(string.IsNullOrEmpty(expected) ? "nothing" : expected)} any more. Look at it and try again. Nothing was changed.");

    private sealed record Pointer(string Scheme, string Type, string Name, string Key)
    {
        public bool IsAlias => Key[0] == '@';

        public string Reference => RegistryPointers.Reference(Scheme, Name, Key);
    }
}
