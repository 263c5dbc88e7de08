using System.Text;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

/// <summary>Every module that keeps names of blobs tells them: the usage is whole, and a scrub says what is missing and whose it is.</summary>
public sealed class BlobClaimTests
{
    [Theory, DatabaseData]
    public async Task Reports_logs_and_pins_count_for_their_projects_and_are_missed_when_they_are_gone(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var (blobs, db) = (server.Service<IBlobStore>(), server.Service<Db>());
        var cases = await blobs.PutAsync("{\"case\":1}\n"u8.ToArray(), default);
        var report = await blobs.PutAsync(Encoding.UTF8.GetBytes(WireJson.Write(new EvaluationReport("pilothouse.evaluation/v1", null!, [], cases.Digest, ""))), default);
        var stored = new Dictionary<string, string> { ["evaluation e1"] = report.Digest, ["cases of evaluation e1"] = cases.Digest };
        foreach (var what in (string[])["fairness report f1", "log of make", "ci/n out/model.bin", "statement of reproduction r1", "report of reproduction r1", "pinned by a lock of locks"])
            stored[what] = (await blobs.PutAsync(Encoding.UTF8.GetBytes(what), default)).Digest;
        await db.WriteAsync(async session =>
        {
            await session.ExecuteAsync("INSERT INTO evl_evaluation (id, project, commit_id, request, status, cases, done, created_by, created_ms, digest) VALUES ('e1', 'evals', 'c', '{}', 'finished', 1, 1, 'ann', 1, @d)", new { d = report.Digest });
            // Failed: it has no report.
            await session.ExecuteAsync("INSERT INTO evl_evaluation (id, project, commit_id, request, status, cases, done, created_by, created_ms) VALUES ('e2', 'evals', 'c', '{}', 'failed', 1, 0, 'ann', 1)", null);
            await session.ExecuteAsync("INSERT INTO fai_report (id, project, commit_id, verdict, created_by, created_ms, digest, doc) VALUES ('f1', 'fair', 'c', 'PASS', 'ann', 1, @d, '{}')", new { d = stored["fairness report f1"] });
            await session.ExecuteAsync("INSERT INTO pip_job (id, name, project, command, variables, timeout_ms, on_crash, status, attempts, not_before_ms, cancel_requested, log_digest, heartbeat_ms, created_by, created_ms) VALUES ('j1', 'make', 'jobs', '[]', '{}', 1, 'fail', 'succeeded', 1, 0, 0, @d, 0, 'ann', 1)", new { d = stored["log of make"] });
            await session.ExecuteAsync("INSERT INTO pip_ci_job (id, project, commit_id, build_ref, name, cause, runner, state, required, needs, timeout_ms, artifacts, created_by, created_ms) VALUES ('c1', 'jobs', 'c', 'r', 'n', 'push', 'host', 'passed', 0, '[]', 1, @a, 'ann', 1)", new { a = WireJson.Write(new[] { new CiArtifact("out/model.bin", 1, stored["ci/n out/model.bin"]) }) });
            await session.ExecuteAsync("INSERT INTO pip_ci_job (id, project, commit_id, build_ref, name, cause, runner, state, required, needs, timeout_ms, artifacts, created_by, created_ms) VALUES ('c2', 'jobs', 'c', 'r', 'n', 'push', 'host', 'passed', 0, '[]', 1, '[]', 'ann', 1)", null);
            await session.ExecuteAsync("INSERT INTO rpd_reproduction (id, subject_kind, subject_id, verdict, summary, statement_digest, report_digest, recorded_by, time_ms) VALUES ('r1', 'run', 'x', 'REPRODUCED', 's', @s, @r, 'ann', 1)", new { s = stored["statement of reproduction r1"], r = stored["report of reproduction r1"] });
            await session.ExecuteAsync("INSERT INTO rep_lock_blob (project, digest, created_by, created_ms) VALUES ('locks', @d, 'ann', 1)", new { d = stored["pinned by a lock of locks"] });
        }, default);

        var usage = await server.Client.GetBlobUsageAsync(default);
        Assert.Equal(0, usage.Unnamed);
        Assert.Equal([(null, 2), ("evals", 2), ("fair", 1), ("jobs", 2), ("locks", 1)], usage.Projects.Select(p => (p.Project, p.Blobs)).OrderBy(p => p.Project, StringComparer.Ordinal));

        foreach (var digest in stored.Values.Where(d => d != report.Digest)) File.Delete(Path.Combine(server.DataPath, "blobs", "sha256", digest[7..9], digest[9..11], digest[7..]));
        await server.Client.StartScrubAsync(new ScrubRequest(0), default);
        var found = await Eventually.GetAsync(async () => await server.Client.GetScrubAsync(default) is { State: not "running" } ended ? ended : null);
        Assert.Equal(stored.Where(s => s.Value != report.Digest).Select(s => (s.Value, "missing", s.Key)).Order(), found.Faults.Select(f => (f.Digest, f.Kind, f.Detail)).Order());
    }
}
