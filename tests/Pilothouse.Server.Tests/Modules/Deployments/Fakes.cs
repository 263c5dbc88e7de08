using System.Text;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Deployments;

/// <summary>A gateway whose routes are durable, like the real one's.</summary>
internal sealed class FakeRoutes : IGatewayRoutes
{
    public SortedDictionary<string, GatewayRoute> Routes { get; } = new(StringComparer.Ordinal);

    /// <summary>Models that this gateway cannot serve.</summary>
    public HashSet<string> Broken { get; } = [];

    public int Sets { get; private set; }

    public Task SetAsync(GatewayRoute route, CancellationToken ct)
    {
        if (route.Arms.FirstOrDefault(a => Broken.Contains(a.Model)) is { } arm) throw new PilothouseException(ErrorCode.Unsupported, $"{arm.Model} cannot be loaded.");
        Assert.Equal(100, route.Arms.Sum(a => a.Weight));
        Routes[route.Name] = route;
        Sets++;
        return Task.CompletedTask;
    }

    public Task RemoveAsync(string name, CancellationToken ct)
    {
        Routes.Remove(name);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<GatewayRoute>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<GatewayRoute>>([.. Routes.Values]);

    public IReadOnlyList<ArmObservation> Observe(string routeName) => [.. Routes[routeName].Arms.Select(a => new ArmObservation(a.Arm, a.Release, 10, 1, 5, 9, 1000))];

    /// <summary>Weights of a route as <c>stable a 90, canary b 10</c>.</summary>
    public string Weights(string route) =>
        string.Join(", ", Routes.TryGetValue(route, out var found) ? found.Arms.Select(a => $"{a.Arm} {a.Release[7..]} {a.Weight}") : ["none"]);
}

internal sealed class FakeReleases : IReleases
{
    public Dictionary<string, Release> All { get; } = [];

    public Task<Release> CreateAsync(string project, string commit, string actor, CancellationToken ct) => throw new NotSupportedException();

    public Task<Release> GetAsync(string reference, CancellationToken ct) =>
        All.TryGetValue(reference, out var release) ? Task.FromResult(release) : throw new PilothouseException(ErrorCode.NotFound, $"There is no release '{reference}'.");

    public Task<IReadOnlyList<Release>> ListAsync(string? project, int limit, CancellationToken ct) => throw new NotSupportedException();

    public Task<Release> ApproveAsync(string reference, string actor, string? comment, CancellationToken ct) => throw new NotSupportedException();
}

internal sealed class FakeRepositories : IRepositories
{
    /// <summary>Project file by commit.</summary>
    public Dictionary<string, string> Files { get; } = [];

    public string Prompt { get; set; } = "template: \"Answer: {input}\"\nparameters: { temperature: 0.7, max_tokens: 99 }\n";

    public Task<string> ResolveAsync(string project, string revision, CancellationToken ct) => Task.FromResult(revision);

    public Task<byte[]?> ReadFileAsync(string project, string commit, string path, int maxBytes, CancellationToken ct) => Task.FromResult<byte[]?>(Encoding.UTF8.GetBytes(Prompt));

    public Task<IReadOnlyList<Commit>> LogAsync(string project, string revision, int limit, CancellationToken ct) => throw new NotSupportedException();

    public Task<string?> MergeBaseAsync(string project, string a, string b, CancellationToken ct) => throw new NotSupportedException();

    public Task<ProjectFile> ReadProjectFileAsync(string project, string commit, CancellationToken ct)
    {
        var result = ProjectFileReader.Parse(Files[commit]);
        Assert.Empty(result.Faults);
        return Task.FromResult(result.File!);
    }
}
