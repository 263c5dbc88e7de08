using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>The evaluation service on a real database, with repositories, registry and engines of the test's making.</summary>
internal sealed class EvaluationBench(TestDatabase database)
{
    public FakeRepositories Repositories { get; } = new();
    public FakeModels Models { get; } = new();
    public FakeInference Inference { get; } = new();
    public MemoryBlobs Blobs { get; } = new();
    public CollectingEvents Events { get; } = new();
    public InlineWork Work { get; } = new();
    public EvaluationOptions Options { get; } = new() { Attempts = 1 };
    public AuditService Audit { get; } = new(new AuditStore(database.Db), database.Time);

    public ProjectContent Content => new(Repositories, new NoLocks(), Models, new NoDatasets(),
        new Pilothouse.Server.Modules.Registry.PromptService(new Pilothouse.Server.Modules.Registry.RegistryStore(database.Db, Audit), new Pilothouse.Server.Modules.Registry.RegistryAnnouncer(Events), database.Time), Blobs);

    public EvaluationStore Store => new(database.Db, Audit, Cache, database.Time);

    private ResponseCache Cache => new(database.Db, database.Time, Options);

    public FakeServed Served { get; } = new();
    public FakePrompts Prompts { get; } = new();

    /// <summary>Clock of the rate limits and retries; the database's own stands still.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>As the server does it, with the settings of the test.</summary>
    public Pilothouse.Server.Modules.Gateway.GatewayOptions Gateway { get; } = new();

    private Pilothouse.Server.Modules.Gateway.KeyVariables Variables => new(Gateway);

    public SecretMask Mask { get; set; } = new([]);

    private RunInference Run => field ??= new(Inference, new RateLimits(Clock), Mask);

    private EvaluationPlanner Planner => new(Repositories, new NoLocks(), new ScorerFactory(Repositories, Content, Run, new Judges(Run, Cache, Options, database.Time), Options, TimeProvider.System), new SuiteRows(Content),
        new SuiteTargets(Repositories, Content, Prompts, Served, Served, Options), new BaselineFinder(Repositories, Repositories, Store, Served, Served), new PromptfooPlanner(Repositories, new Judges(Run, Cache, Options, database.Time), Run, new PromptfooCalls(Repositories, new PlainClients(), Variables, Options, TimeProvider.System)), Options, database.Time);

    public Pilothouse.Server.Modules.Evaluation.SuiteRegistration Suites => new(Planner, new Pilothouse.Server.Modules.Registry.SuiteService(new Pilothouse.Server.Modules.Registry.RegistryStore(database.Db, Audit), database.Time));

    public EvaluationService Service() => new(Planner, Suites, new AnswerSource(Run, Cache, Mask, Options, Clock), Store, Cache, Blobs, Work, Events, Options,
        new Ids(database.Time), database.Time, NullLogger<EvaluationService>.Instance);

    /// <summary>Starts, runs to the end and returns the result.</summary>
    public async Task<EvaluationDetail> RunAsync(NewEvaluation request)
    {
        var service = Service();
        var started = await service.StartAsync(request, "ann", default);
        await Work.RunAllAsync(default);
        return await service.GetAsync(started.Id, default);
    }
}

internal sealed class PlainClients : IHttpClientFactory
{
    public HttpClient CreateClient(string name) => new();
}

internal sealed class FakeRepositories : IRepositories, IProjects
{
    /// <summary>Commits of the default branch, newest first.</summary>
    public List<string> Main { get; } = [];

    public Task<Project> CreateAsync(string name, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task<Project> GetAsync(string name, CancellationToken ct) => Task.FromResult(new Project(name, "ann", 0, Main.FirstOrDefault() ?? "main"));
    Task<IReadOnlyList<Project>> IProjects.ListAsync(CancellationToken ct) => throw new NotSupportedException();

    private readonly Dictionary<(string Commit, string Path), string> _files = [];

    public void Commit(string commit, params (string Path, string Text)[] files)
    {
        foreach (var (path, text) in files) _files[(commit, path)] = text;
    }

    public Task<string> ResolveAsync(string project, string revision, CancellationToken ct) => _files.Keys.Any(k => k.Commit == revision) ? Task.FromResult(revision)
        : throw new PilothouseException(ErrorCode.NotFound, $"The repository of '{project}' has no commit '{revision}'.");

    public Task<byte[]?> ReadFileAsync(string project, string commit, string path, int maxBytes, CancellationToken ct) =>
        Task.FromResult(_files.TryGetValue((commit, path), out var text) ? Encoding.UTF8.GetBytes(text) : null);

    public Task<ProjectFile> ReadProjectFileAsync(string project, string commit, CancellationToken ct)
    {
        var result = ProjectFileReader.Parse(_files[(commit, "pilothouse.yaml")]);
        return Task.FromResult(result.File ?? throw new PilothouseException(ErrorCode.InvalidArgument, string.Join('\n', result.Faults)));
    }

    public Task<IReadOnlyList<Commit>> LogAsync(string project, string revision, int limit, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Commit>>([.. Main.SkipWhile(c => c != revision).Take(limit).Select(c => new Commit(c, "ann", 0, c))]);

    /// <summary>Everything branches off the head of the default branch.</summary>
    public Task<string?> MergeBaseAsync(string project, string a, string b, CancellationToken ct) => Task.FromResult(Main.Contains(a) ? a : Main.FirstOrDefault());
}

/// <summary>Knows models:/assistant/N and models:/triage/N for every N.</summary>
internal sealed class FakeModels : IModels
{
    public Task<ModelVersion> GetAsync(string reference, CancellationToken ct)
    {
        var parts = reference["models:/".Length..].Split('/');
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(reference)));
        return Task.FromResult(new ModelVersion(parts[0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture), parts[0] == "triage" ? "classifier" : "generative", digest, 1, [], [], null, null, null, null, [], null, "ann", 0));
    }

    public Task<ModelVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct) => Task.FromResult<ModelVersion?>(null);
    public Task<ModelVersion> RegisterAsync(string name, NewModelVersion version, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken ct) => throw new NotSupportedException();
    public Task<IReadOnlyList<ModelVersion>> VersionsAsync(string name, CancellationToken ct) => throw new NotSupportedException();
    public Task<ModelSummary?> FindAsync(string name, CancellationToken ct) => throw new NotSupportedException();
    public Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task DeleteAliasAsync(string name, string alias, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task<string> MaterializeAsync(ModelVersion version, CancellationToken ct) => throw new NotSupportedException();
}

/// <summary>What is served under shop/production, and where its release comes from.</summary>
internal sealed class FakeServed : IServedTargets, IReleaseCommits
{
    public string? Release { get; set; }
    public string Commit { get; set; } = "v2";

    public ServedTarget? Find(string name) => Release is null ? null : new ServedTarget(new InferenceTarget(name, "gateway") { Release = Release }, Release, "generative", IsPinned: true);

    public string? ReleaseOf(string environment) => environment == "shop/production" ? Release : null;

    public Task<ReleaseOrigin> FindAsync(string project, string release, CancellationToken ct) => Release is null ? throw new PilothouseException(ErrorCode.NotFound, "no release") : Task.FromResult(new ReleaseOrigin(Release, Commit));
}

/// <summary>Knows prompts:/terse/1.</summary>
internal sealed class FakePrompts : IPrompts
{
    public Task<PromptVersion> GetAsync(string reference, CancellationToken ct) => reference == "prompts:/terse/1" ? Task.FromResult(new PromptVersion("terse", 1, "sha256:terse", "Terse: {input}", ["input"], null, null, null, "ann", 0))
        : throw new PilothouseException(ErrorCode.NotFound, $"There is no {reference}.");

    public Task<PromptVersion> RegisterAsync(string name, NewPromptVersion version, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task<PromptVersion> GetAsync(string name, int? version, CancellationToken ct) => throw new NotSupportedException();
    public Task<RenderedPrompt> RenderAsync(string reference, IReadOnlyDictionary<string, System.Text.Json.JsonElement> values, CancellationToken ct) => throw new NotSupportedException();
    public Task<PromptVersion> GetByAliasAsync(string name, string alias, CancellationToken ct) => throw new NotSupportedException();
    public Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task<IReadOnlyList<PromptVersion>> ListAsync(CancellationToken ct) => throw new NotSupportedException();
}

internal sealed class NoDatasets : IDatasets
{
    public Task<DatasetVersion> GetAsync(string name, int? version, CancellationToken ct) => throw new PilothouseException(ErrorCode.NotFound, $"There is no data set '{name}'.");
    public Task<DatasetVersion> RegisterAsync(string name, NewDatasetVersion version, string actor, CancellationToken ct) => throw new NotSupportedException();
    public Task<IReadOnlyList<DatasetVersion>> ListAsync(CancellationToken ct) => throw new NotSupportedException();
}

/// <summary>Answers by functions of model and text; counts the calls.</summary>
internal sealed class FakeInference : IInference
{
    private int _calls;

    public int Calls => _calls;

    public Func<string, string, string> Generate { get; set; } = (_, _) => "";
    public Func<string, string, IReadOnlyDictionary<string, double>> Classify { get; set; } = (_, _) => new Dictionary<string, double>();
    public Func<string, IReadOnlyList<double>> Score { get; set; } = _ => [];
    public Func<string, IReadOnlyList<string>, IReadOnlyList<double>>? ScoreContinuations { get; set; }
    public Action<IReadOnlyList<ChatTurn>> Turns { get; set; } = _ => { };
    public Action<InferenceTarget, GenerationRequest> Asked { get; set; } = (_, _) => { };
    public Func<string, IReadOnlyList<float>> Embed { get; set; } = _ => [1];

    public async Task<Generation> GenerateAsync(InferenceTarget target, GenerationRequest request, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _calls);
        await Task.Yield();
        Turns(request.Messages);
        Asked(target, request);
        return new Generation(Generate(target.Model, request.Messages[^1].Content), 1, 1, "stop", null, TimeSpan.Zero, TimeSpan.Zero);
    }

    public Task<IReadOnlyList<double>> ScoreContinuationsAsync(InferenceTarget target, string text, IReadOnlyList<string> continuations, CancellationToken ct) => Task.FromResult(ScoreContinuations is { } score ? score(text, continuations) : Score(text));

    public Task<IReadOnlyList<IReadOnlyList<float>>> EmbedAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct) => Task.FromResult<IReadOnlyList<IReadOnlyList<float>>>([.. texts.Select(Embed)]);

    public Task<IReadOnlyList<Classification>> ClassifyAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct)
    {
        Interlocked.Add(ref _calls, texts.Count);
        return Task.FromResult<IReadOnlyList<Classification>>([.. texts.Select(t => new Classification(Classify(target.Model, t)))]);
    }
}

internal sealed class MemoryBlobs : IBlobStore
{
    private readonly ConcurrentDictionary<string, byte[]> _content = new();

    public async Task<BlobInfo> PutAsync(Stream content, string? expected, CancellationToken ct)
    {
        using var copy = new MemoryStream();
        await content.CopyToAsync(copy, ct);
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(copy.ToArray()));
        _content[digest] = copy.ToArray();
        return new BlobInfo(digest, copy.Length);
    }

    public Task<BlobInfo?> FindAsync(string digest, CancellationToken ct) => Task.FromResult(_content.TryGetValue(digest, out var bytes) ? new BlobInfo(digest, bytes.Length) : null);

    public Task<Stream> OpenReadAsync(string digest, CancellationToken ct) => Task.FromResult<Stream>(new MemoryStream(_content[digest]));

    public Task<string> LocalPathAsync(string digest, CancellationToken ct) => throw new NotSupportedException();
}

internal sealed class InlineWork : IBackgroundWork
{
    private readonly Queue<Func<CancellationToken, Task>> _queue = new();

    public void Enqueue(string name, Func<CancellationToken, Task> work) => _queue.Enqueue(work);

    public void Clear() => _queue.Clear();

    public async Task RunAllAsync(CancellationToken ct)
    {
        while (_queue.TryDequeue(out var work)) await work(ct);
    }
}

internal sealed class CollectingEvents : IEventBus
{
    public List<object> Published { get; } = [];

    public ValueTask PublishAsync<T>(T domainEvent, CancellationToken ct) where T : notnull
    {
        Published.Add(domainEvent);
        return ValueTask.CompletedTask;
    }

    public void Subscribe<T>(string subscriber, Func<T, CancellationToken, Task> handle) where T : notnull
    {
    }
}
