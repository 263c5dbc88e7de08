using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Packaging;
using Pilothouse.Server.Tests.Modules.Registry;

namespace Pilothouse.Server.Tests.Modules.Packaging;

/// <summary>The packaging services over a real registry, real blobs and one commit in memory.</summary>
internal sealed class PackagingFixture : IAsyncDisposable
{
    private PackagingFixture(RegistryFixture registry, bool login)
    {
        Registry = registry;
        Store = new ReleaseStore(registry.Db, registry.Audit);
        Contents = new OciContents(Store, registry.Blobs);
        Releases = new ReleaseService(Store, new ComponentResolver(Repositories, new NoLocks(), registry.Models, registry.Datasets, registry.Prompts, new NoSuites(), registry.Blobs),
            new EvidenceCollector(Evaluations, Fairness, Reproductions, Store, registry.Blobs), Repositories, registry.Blobs, new FakeAuthenticator(login), registry.Time);
    }

    public RegistryFixture Registry { get; }

    public FakeRepositories Repositories { get; } = new();

    public FakeEvaluations Evaluations { get; } = new();

    public FakeFairness Fairness { get; } = new();

    public FakeReproductions Reproductions { get; } = new();

    public ReleaseStore Store { get; }

    public OciContents Contents { get; }

    public ReleaseService Releases { get; }

    /// <summary>With the two models that the project file names registered.</summary>
    public static async Task<PackagingFixture> CreateAsync(string kind = "sqlite", bool login = true)
    {
        var fixture = new PackagingFixture(await RegistryFixture.CreateAsync(kind), login);
        await fixture.Registry.RegisterAsync("assistant", TestModels.Generative(), "generative");
        await fixture.Registry.RegisterAsync("triage", TestModels.Classifier());
        return fixture;
    }

    public Task<Release> CreateReleaseAsync(string actor = "ann") => Releases.CreateAsync("support", "main", actor, default);

    public ValueTask DisposeAsync() => Registry.DisposeAsync();
}
