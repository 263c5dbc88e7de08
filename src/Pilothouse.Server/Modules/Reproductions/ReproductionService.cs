using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Reproductions.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Reproductions;

internal sealed class ReproductionService(ReproductionStore store, IRuns runs, IBlobStore blobs, Ids ids, TimeProvider time) : IReproductions
{
    private const string CommitTag = "mlflow.source.git.commit";
    private const string StatementType = "https://in-toto.io/Statement/v1";
    private const string PredicateType = "urn:pilothouse:attestation:reproduction:v0.1";
    private const int MaxSummary = 2_000;
    private const int MaxReport = 4 * 1024 * 1024;
    private const int MaxList = 1_000;
    private static readonly string[] Verdicts = [ReproductionVerdicts.Reproduced, ReproductionVerdicts.Differs, ReproductionVerdicts.Cannot];

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public async Task<ReproductionDetail> AddAsync(NewReproduction reproduction, string actor, CancellationToken ct)
    {
        var subject = await SubjectAsync(reproduction, ct);
        if (!Verdicts.Contains(reproduction.Verdict)) throw Wrong($"The verdict '{Shown(reproduction.Verdict)}' is none of {string.Join(", ", Verdicts)}.");
        if (reproduction.Summary is not { Length: > 0 and <= MaxSummary } summary || summary.Contains('\0', StringComparison.Ordinal)) throw Wrong($"A summary has 1 to {MaxSummary} characters, none of them NUL.");
        if (reproduction.Report is not { } report) throw Wrong("'report' is missing.");
        if (reproduction.RunId is { } run) await runs.GetAsync(run, ct);
        else if (reproduction is { SubjectKind: "run", Verdict: not ReproductionVerdicts.Cannot }) throw Wrong("'run_id' is missing: which run repeated it?");

        var now = time.NowMs();
        var document = Encoding.UTF8.GetBytes(WireJson.Write(report));
        if (document.Length > MaxReport) throw new PilothouseException(ErrorCode.TooLarge, $"The report has {document.Length} bytes; {MaxReport} is the limit.");
        var stored = await blobs.PutAsync(document, ct);
        var statement = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["_type"] = StatementType,
            ["subject"] = new[] { subject },
            ["predicateType"] = PredicateType,
            ["predicate"] = new
            {
                verdict = reproduction.Verdict,
                summary,
                repeated_by_run = reproduction.RunId,
                first_divergence = report.FirstDivergence,
                missing = report.Missing,
                report = new { sha256 = Digest.Parse(stored.Digest).Hex },
                recorded_by = actor,
                time_ms = now,
            },
        }, Json);
        var record = new Protocols.V1.Reproduction(ids.New(), reproduction.SubjectKind, reproduction.SubjectId, reproduction.Verdict, summary, reproduction.RunId, (await blobs.PutAsync(statement, ct)).Digest, stored.Digest, actor, now);
        await store.AddAsync(record, ct);
        return new ReproductionDetail(record, report);
    }

    public async Task<ReproductionDetail> GetAsync(string id, CancellationToken ct)
    {
        var record = await store.FindAsync(id, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no reproduction '{Shown(id)}'.");
        return new ReproductionDetail(record, WireJson.Read<ReproductionReport>(Encoding.UTF8.GetString(await blobs.ReadAsync(record.ReportDigest, MaxReport, ct))));
    }

    public Task<IReadOnlyList<Protocols.V1.Reproduction>> ListAsync(string? kind, string? subject, int limit, CancellationToken ct) => store.ListAsync(kind, subject, Math.Clamp(limit, 1, MaxList), ct);

    /// <summary>The in-toto subject: a release by its digest; a run by its commit, since a run itself has no content to hash.</summary>
    private async Task<object> SubjectAsync(NewReproduction r, CancellationToken ct)
    {
        switch (r.SubjectKind)
        {
            case "run":
                var run = (await runs.GetAsync(r.SubjectId ?? "", ct)).Run;
                return run.Tags.GetValueOrDefault(CommitTag) is { Length: 40 } commit ? new { name = "runs/" + run.Id, digest = new Dictionary<string, string> { ["gitCommit"] = commit } }
                    : new { name = "runs/" + run.Id, digest = new Dictionary<string, string> { ["sha256"] = Digest.Of(Encoding.UTF8.GetBytes("runs/" + run.Id)).Hex } };
            case "release" when Digest.TryParse(r.SubjectId, out var release):
                return new { name = "releases/" + release, digest = new Dictionary<string, string> { ["sha256"] = release.Hex } };
            case "release":
                throw Wrong($"'{Shown(r.SubjectId)}' is not the digest of a release.");
            default:
                throw Wrong($"The kind of subject '{Shown(r.SubjectKind)}' is neither run nor release.");
        }
    }

    private static string Shown(string? text) => text is null ? "" : text.Length > 100 ? text[..100] + "..." : text;

    private static PilothouseException Wrong(string message) => new(ErrorCode.InvalidArgument, message);
}
