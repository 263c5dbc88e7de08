using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Live;

/// <summary>The answer of <c>pilothouse what</c> as a tree that reads from what runs down to why.</summary>
internal static class CustodyTree
{
    private const int ShownHistory = 8;

    /// <param name="why">Also whole digests, each piece of evidence, and the entries of the audit log.</param>
    public static IEnumerable<string> Lines(Custody custody, bool why)
    {
        var e = custody.Environment;
        yield return $"{e.Project}/{e.Name}: {e.Status}{(e.SinceMs is { } since ? $", since {Figures.Time(since)}" : "")}{(e.By is { } by ? $", by {by}" : "")}";
        List<(string Title, List<string> Items)> branches =
        [
            ("runs", [Digest(e.Release, why) + (e.CanaryRelease is { } canary ? $" and, with {e.CanaryWeight}% of the traffic, {Digest(canary, why)}" : "")]),
            ("observed at the gateway", [.. e.Observed.Select(Figures.Arm)]),
        ];
        if (custody.Release is { } release) branches.AddRange(Release(release, why));
        branches.Add(("alerts", [e.FiringAlerts == 0 ? "none fires" : $"{e.FiringAlerts} firing: pilothouse alerts --environment {e.Project}/{e.Name}"]));
        branches.Add(("history", [.. custody.History.Take(ShownHistory).Select(History)]));
        if (why) branches.Add(("audit log", [.. custody.Audit.Take(ShownHistory).Select(a => $"#{a.Index} {Figures.Time(a.TimeMs)} {a.Actor} {a.Action}  {a.Hash[..12]}")]));
        branches.Add(("to take it back", [custody.RollbackCommand]));
        var shown = branches.FindAll(b => b.Items.Count > 0);
        foreach (var line in shown.SelectMany((branch, i) => Branch(branch.Title, branch.Items, i == shown.Count - 1))) yield return line;
    }

    private static IEnumerable<(string, List<string>)> Release(Release release, bool why)
    {
        yield return ("built from", [$"commit {(why ? release.Commit : release.Commit[..Math.Min(12, release.Commit.Length)])} \"{release.CommitSubject}\", released {Figures.Time(release.CreatedMs)} by {release.CreatedBy}",
            .. release.Components.Select(c => $"{c.Type} {c.Name}  {c.Reference}  {Digest(c.Digest, why)}")]);
        var tests = release.Evidence.Where(e => e.Type != "approval").OrderByDescending(e => e.TimeMs).ToList();
        yield return ("tested", tests.Count == 0 ? ["no evidence"] : tests.ConvertAll(t => $"{t.Type} {t.Name}: {t.Verdict}{(why ? $"  {t.Summary}  ({Figures.Time(t.TimeMs)}, {Digest(t.Digest, true)})" : "")}"));
        var approvals = release.Evidence.Where(e => e.Type == "approval").ToList();
        yield return ("approved", approvals.Count == 0 ? ["by nobody"] : approvals.ConvertAll(a => $"by {a.By}, {Figures.Time(a.TimeMs)}{(a.Summary.Length > 0 ? $": {a.Summary}" : "")}"));
    }

    private static string History(Rollout r)
    {
        var what = r.Kind == "rollback" ? "taken back to" : r.Status switch { "rolled_back" => "tried and took back", "progressing" => "is rolling out", _ => "deployed" };
        return $"{Figures.Time(r.FinishedMs ?? r.CreatedMs)}  {what} {Figures.Short(r.Release)}, by {r.CreatedBy}{(r.Reason is { Length: > 0 } reason ? $": {reason}" : "")}";
    }

    private static IEnumerable<string> Branch(string title, List<string> items, bool last)
    {
        yield return (last ? "└─ " : "├─ ") + title;
        for (var i = 0; i < items.Count; i++) yield return (last ? "   " : "│  ") + (i == items.Count - 1 ? "└─ " : "├─ ") + items[i];
    }

    private static string Digest(string? digest, bool whole) => whole ? digest ?? "-" : Figures.Short(digest);
}
