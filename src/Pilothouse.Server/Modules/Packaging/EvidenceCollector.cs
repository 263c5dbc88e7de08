using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Oci;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Modules.Fairness.Api;
using Pilothouse.Server.Modules.Reproductions.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Makes OCI referrers of what is known about a release: finished evaluations and fairness reports of its commit, approvals, and whether it could be repeated.</summary>
internal sealed class EvidenceCollector(IEvaluations evaluations, IFairnessReports fairness, IReproductions reproductions, ReleaseStore store, IBlobStore blobs)
{
    /// <summary>Newest evaluations, and reports, of one commit that are looked at.</summary>
    private const int MaxSources = 200;

    private const string TestResult = "https://in-toto.io/attestation/test-result/v0.1";
    private const string ApprovalType = "urn:pilothouse:attestation:approval:v0.1";
    private const string ReproductionType = "urn:pilothouse:attestation:reproduction:v0.1";
    private const string ReportType = "application/json";

    /// <summary>Adds the evidence that has come up since the last look.</summary>
    public async Task RefreshAsync(StoredRelease release, CancellationToken ct)
    {
        var known = (await store.EvidenceAsync(release.Digest, ct)).Select(e => (e.Type, e.SourceId)).ToHashSet();
        var page = await evaluations.ListAsync(release.Project, release.Commit, MaxSources, null, ct);
        foreach (var summary in page.Items.Where(e => e is { Status: "finished", Verdict: not null, Replay: null } && !known.Contains(("evaluation", e.Id))))
            await AddAsync(release, await evaluations.GetAsync(summary.Id, ct), ct);
        foreach (var report in (await fairness.ListAsync(release.Project, release.Commit, MaxSources, ct)).Where(r => !known.Contains(("fairness", r.Id))))
            await AddAsync(release, report, ct);
        foreach (var repeated in (await reproductions.ListAsync("release", release.Digest, MaxSources, ct)).Where(r => !known.Contains(("reproduction", r.Id))))
            await AddAsync(release, repeated, ct);
    }

    public Task ApproveAsync(StoredRelease release, string actor, string? comment, bool fourEyes, long nowMs, CancellationToken ct)
    {
        var predicate = new { approver = actor, decision = "APPROVED", four_eyes = fourEyes, created_by = release.CreatedBy, comment, time_ms = nowMs };
        var summary = (fourEyes ? $"Approved by {actor}" : $"Self-approved by {actor}: this server has no login, so there is no second person") + (string.IsNullOrWhiteSpace(comment) ? "." : $": {comment}");
        return AddAsync(release, OciMediaTypes.Approval, ApprovalType, predicate, null,
            new StoredEvidence("", 0, OciMediaTypes.Approval, "approval", actor, "APPROVED", summary, actor, actor, nowMs), ct);
    }

    private async Task AddAsync(StoredRelease release, EvaluationDetail evaluation, CancellationToken ct)
    {
        var summary = evaluation.Summary;
        var gates = evaluation.Suites.SelectMany(suite => suite.Gates.Select(gate => (Name: $"{suite.Name}/{gate.Name}", gate.Verdict, gate.Reason))).ToList();
        var report = await ReportAsync(summary.Digest, evaluation, "evaluation.json", ct);
        await AddAsync(release, OciMediaTypes.Evaluation, TestResult, Result(summary.Verdict!, report, [.. gates.Select(g => (g.Name, g.Verdict))]), report, new StoredEvidence("", 0, OciMediaTypes.Evaluation,
            "evaluation", string.Join(", ", evaluation.Suites.Select(s => s.Name)), summary.Verdict!, summary.Reason ?? Sentence(gates), summary.Id, summary.CreatedBy, summary.FinishedMs ?? summary.CreatedMs), ct);
    }

    private async Task AddAsync(StoredRelease release, FairnessReport fairnessReport, CancellationToken ct)
    {
        var checks = fairnessReport.Checks.Select(c => (c.Name, c.Verdict, c.Reason)).ToList();
        var report = await ReportAsync(fairnessReport.Digest, fairnessReport, "fairness.json", ct);
        await AddAsync(release, OciMediaTypes.Fairness, TestResult, Result(fairnessReport.Verdict, report, [.. checks.Select(c => (c.Name, c.Verdict))]), report, new StoredEvidence("", 0, OciMediaTypes.Fairness,
            "fairness", string.Join(", ", checks.Select(c => c.Name)), fairnessReport.Verdict, Sentence(checks), fairnessReport.Id, fairnessReport.CreatedBy, fairnessReport.CreatedMs), ct);
    }

    private async Task AddAsync(StoredRelease release, Reproduction repeated, CancellationToken ct)
    {
        var report = await ReportAsync(repeated.ReportDigest, repeated, "reproduction.json", ct);
        var predicate = new { verdict = repeated.Verdict, summary = repeated.Summary, recorded_by = repeated.By, time_ms = repeated.TimeMs, report = new { sha256 = report.Digest.Hex } };
        await AddAsync(release, OciMediaTypes.Reproduction, ReproductionType, predicate, report, new StoredEvidence("", 0, OciMediaTypes.Reproduction,
            "reproduction", "reproduction", repeated.Verdict, repeated.Summary, repeated.Id, repeated.By, repeated.TimeMs), ct);
    }

    private async Task AddAsync(StoredRelease release, string artifactType, string predicateType, object predicate, OciDescriptor? report, StoredEvidence evidence, CancellationToken ct)
    {
        var statement = await PutAsync(ReleaseManifest.Statement(release, predicateType, predicate), OciMediaTypes.InToto, "statement.json", ct);
        await blobs.PutAsync("{}"u8.ToArray(), ct);
        var manifest = OciJson.ToBytes(ReleaseManifest.Evidence(artifactType, ReleaseManifest.Subject(release), statement, report));
        var stored = await blobs.PutAsync(manifest, ct);
        await store.AddAsync(release, evidence with { Digest = stored.Digest, Size = stored.Size }, ct);
    }

    /// <summary>The report that the module stored when it has done so, else the one it gives now.</summary>
    private async Task<OciDescriptor> ReportAsync<T>(string? digest, T document, string title, CancellationToken ct)
    {
        if (digest is not null && Digest.TryParse(digest, out var parsed) && await blobs.FindAsync(digest, ct) is { } held)
            return Titled(new OciDescriptor { MediaType = ReportType, Digest = parsed, Size = held.Size }, title);
        return await PutAsync(Encoding.UTF8.GetBytes(WireJson.Write(document)), ReportType, title, ct);
    }

    private async Task<OciDescriptor> PutAsync(byte[] content, string mediaType, string title, CancellationToken ct)
    {
        await blobs.PutAsync(content, ct);
        return Titled(OciJson.Describe(content, mediaType), title);
    }

    private static OciDescriptor Titled(OciDescriptor descriptor, string title) => descriptor with { Annotations = new SortedDictionary<string, string> { [OciAnnotations.Title] = title } };

    /// <summary>The fields of <see href="https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md"/>.</summary>
    private static Dictionary<string, object> Result(string verdict, OciDescriptor report, IReadOnlyList<(string Name, string Verdict)> tests) => new()
    {
        ["result"] = verdict switch { "PASS" => "PASSED", "INCONCLUSIVE" => "WARNED", _ => "FAILED" },
        ["configuration"] = new[] { new { name = report.Annotations![OciAnnotations.Title], digest = new { sha256 = report.Digest.Hex } } },
        ["passedTests"] = tests.Where(t => t.Verdict == "PASS").Select(t => t.Name),
        ["warnedTests"] = tests.Where(t => t.Verdict == "INCONCLUSIVE").Select(t => t.Name),
        ["failedTests"] = tests.Where(t => t.Verdict is not ("PASS" or "INCONCLUSIVE")).Select(t => t.Name),
    };

    /// <summary>What decided: the first thing that did not pass, else how much passed.</summary>
    private static string Sentence(List<(string Name, string Verdict, string Reason)> tests)
    {
        var failed = tests.Where(t => t.Verdict != "PASS").OrderBy(t => t.Verdict == "FAIL" ? 0 : 1).ToList();
        return failed.Count == 0 ? $"{tests.Count} of {tests.Count} checks pass." : $"{failed[0].Name} {failed[0].Verdict}: {failed[0].Reason}";
    }
}
