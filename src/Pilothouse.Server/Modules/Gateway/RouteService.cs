using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>The routes: durable in the database, served from one immutable table in memory that is swapped whole.</summary>
internal sealed class RouteService(RouteStore store, TimeProvider time) : IGatewayRoutes, IHostedService, IDisposable
{
    private const int MaxRoutes = 10_000;
    private const int MaxArms = 8;
    private const int MaxName = 500;
    private const int MaxTemplate = 256 * 1024;

    private readonly SemaphoreSlim _writer = new(1, 1);
    private ImmutableSortedDictionary<string, ActiveRoute> _routes = ImmutableSortedDictionary.Create<string, ActiveRoute>(StringComparer.Ordinal);

    /// <summary>Names in order.</summary>
    public IEnumerable<string> Names => Volatile.Read(ref _routes).Keys;

    public ActiveRoute? Find(string name) => Volatile.Read(ref _routes).GetValueOrDefault(name);

    public async Task SetAsync(GatewayRoute route, CancellationToken ct)
    {
        Validate(route);
        await _writer.WaitAsync(ct);
        try
        {
            if (_routes.Count >= MaxRoutes && !_routes.ContainsKey(route.Name)) throw new PilothouseException(ErrorCode.FailedPrecondition, $"The gateway has {MaxRoutes} routes already. Remove some first.");
            // Durable first: a server that stops here comes back with what it was told to serve.
            await store.SaveAsync(route, time.NowMs(), ct);
            Volatile.Write(ref _routes, _routes.SetItem(route.Name, new ActiveRoute(route)));
        }
        finally
        {
            _writer.Release();
        }
    }

    public async Task RemoveAsync(string name, CancellationToken ct)
    {
        await _writer.WaitAsync(ct);
        try
        {
            await store.DeleteAsync(name, ct);
            Volatile.Write(ref _routes, _routes.Remove(name));
        }
        finally
        {
            _writer.Release();
        }
    }

    public Task<IReadOnlyList<GatewayRoute>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<GatewayRoute>>([.. Volatile.Read(ref _routes).Values.Select(r => r.Route)]);

    public IReadOnlyList<ArmObservation> Observe(string routeName) => Find(routeName) is { } route ? [.. route.Arms.Select(a => a.Statistics.Observe(a.Definition))] : [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var routes = await store.ListAsync(MaxRoutes, cancellationToken);
        Volatile.Write(ref _routes, routes.ToImmutableSortedDictionary(r => r.Name, r => new ActiveRoute(r), StringComparer.Ordinal));
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _writer.Dispose();

    private static void Validate(GatewayRoute route)
    {
        var fault = route.Name.Length is 0 or > MaxName ? $"The name of a route has 1 to {MaxName} characters."
            : route.Name.StartsWith("models:/", StringComparison.Ordinal) ? "The name of a route must not begin with models:/, which names a registered model itself."
            : route.Kind is not ("generative" or "classifier") ? $"The kind of route '{route.Name}' is '{route.Kind}'; generative and classifier are possible."
            : route.Arms.Count is 0 or > MaxArms ? $"Route '{route.Name}' has {route.Arms.Count} arms; 1 to {MaxArms} are possible."
            : route.Arms.DistinctBy(a => a.Arm).Count() != route.Arms.Count ? $"Route '{route.Name}' has two arms with the same name."
            : route.Arms.Any(a => a.Weight is < 0 or > 100) || route.Arms.Sum(a => a.Weight) != 100 ? $"The weights of route '{route.Name}' sum to {route.Arms.Sum(a => a.Weight)}; they must be percentages that sum to 100."
            : route.Arms.Any(a => a.Engine is not ("onnx" or "openai")) ? $"An arm of route '{route.Name}' has an unknown engine; use onnx or openai."
            : route.Arms.Any(a => a.Engine == "openai" && string.IsNullOrEmpty(a.Url)) ? $"An arm of route '{route.Name}' has engine openai and no url."
            : route.Arms.Any(a => a.PromptTemplate?.Length > MaxTemplate) ? $"A prompt template of route '{route.Name}' is longer than {MaxTemplate} characters."
            : null;
        if (fault is not null) throw new PilothouseException(ErrorCode.InvalidArgument, fault);
    }
}
