using System.Text;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Modules.Fairness.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Packaging;

/// <summary>One commit in memory, read by the real parser.</summary>
internal sealed class FakeRepositories : IRepositories
{
    public const string CommitId = "62afc2155c1f2d3a4b5c6d7e8f90a1b2c3d4e5f6";

    public Dictionary<string, string> Files { get; } = new()
    {
        ["pilothouse.yaml"] = """
            apiVersion: pilothouse/v1
            project: support
            models:
              assistant: { kind: generative, engine: onnx, version: 1, prompt: prompts/support.yaml }
              triage: { kind: classifier, engine: onnx, version: 1 }
            data:
              heldout: { path: data/heldout.jsonl }
            """,
        ["prompts/support.yaml"] = "template: 'Answer {prompt}'\n",
        ["data/heldout.jsonl"] = "{\"prompt\":\"a\",\"answer\":\"b\"}\n",
    };

    public Task<string> ResolveAsync(string project, string revision, CancellationToken ct) => Task.FromResult(CommitId);

    public Task<byte[]?> ReadFileAsync(string project, string commit, string path, int maxBytes, CancellationToken ct) =>
        Task.FromResult(Files.TryGetValue(path, out var text) ? Encoding.UTF8.GetBytes(text) : null);

    public Task<IReadOnlyList<Commit>> LogAsync(string project, string revision, int limit, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Commit>>([new Commit(CommitId, "Ann", 1_767_225_600_000, "Add the suite")]);

    public Task<string?> MergeBaseAsync(string project, string a, string b, CancellationToken ct) => throw new NotSupportedException();

    public Task<ProjectFile> ReadProjectFileAsync(string project, string commit, CancellationToken ct) =>
        Task.FromResult(ProjectFileReader.Parse(Files["pilothouse.yaml"]) is { File: { } file } ? file : throw new PilothouseException(ErrorCode.InvalidArgument, "faults"));
}

internal sealed class FakeEvaluations : IEvaluations
{
    public List<EvaluationDetail> Details { get; } = [];

    public static EvaluationDetail Finished(string id, string verdict, string commit = FakeRepositories.CommitId) => new(
        new EvaluationSummary(id, "support", commit, null, "finished", verdict, null, 200, 200, "ann", 1_767_225_700_000, 1_767_225_800_000, null),
        [new SuiteResult("support-quality", "assistant", null, "heldout", 200, [], [new GateResult("floor", "exact", "floor", verdict, "0.96 is at least 0.80", 0.96, 0.93, 1, 0.8, 0.95, "wilson", null, null, null)], [])]);

    public Task<EvaluationSummary> StartAsync(NewEvaluation request, string actor, CancellationToken ct) => throw new NotSupportedException();

    public Task<EvaluationDetail> GetAsync(string id, CancellationToken ct) => Task.FromResult(Details.Single(d => d.Summary.Id == id));

    public Task<Page<EvaluationSummary>> ListAsync(string? project, string? commit, int limit, string? pageToken, CancellationToken ct) =>
        Task.FromResult(new Page<EvaluationSummary>([.. Details.Select(d => d.Summary).Where(s => s.Project == project && s.Commit == commit)], null));
}

internal sealed class FakeFairness : IFairnessReports
{
    public List<FairnessReport> Reports { get; } = [];

    public Task<FairnessReport> RunAsync(NewFairnessReport request, string actor, CancellationToken ct) => throw new NotSupportedException();

    public Task<FairnessReport> GetAsync(string id, CancellationToken ct) => throw new NotSupportedException();

    public Task<IReadOnlyList<FairnessReport>> ListAsync(string? project, string? commit, int limit, CancellationToken ct) => Task.FromResult<IReadOnlyList<FairnessReport>>(Reports);
}

/// <summary>A server with a login, or one without.</summary>
internal sealed class FakeAuthenticator(bool login) : IAuthenticator
{
    public Caller? Anonymous => login ? null : new Caller("local", Role.Admin);

    public Task<Caller?> AuthenticateAsync(string token, CancellationToken ct) => throw new NotSupportedException();
}

internal sealed class FakeReproductions : Pilothouse.Server.Modules.Reproductions.Api.IReproductions
{
    public List<Reproduction> All { get; } = [];

    public Task<ReproductionDetail> AddAsync(NewReproduction reproduction, string actor, CancellationToken ct) => throw new NotSupportedException();

    public Task<ReproductionDetail> GetAsync(string id, CancellationToken ct) => throw new NotSupportedException();

    public Task<IReadOnlyList<Reproduction>> ListAsync(string? kind, string? subject, int limit, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Reproduction>>([.. All.Where(r => r.SubjectKind == kind && r.SubjectId == subject)]);
}

/// <summary>For commits that declare no suites.</summary>
internal sealed class NoSuites : IProjectSuites
{
    public Task<IReadOnlyList<DeclaredSuite>> RegisterAsync(string project, string commit, string name, string actor, CancellationToken ct) => throw new NotSupportedException();
}
