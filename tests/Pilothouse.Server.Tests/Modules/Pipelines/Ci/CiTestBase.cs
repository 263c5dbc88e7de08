using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>A CI system that answers as a test says, a clock that a test moves, and servers with a project <c>p</c>.</summary>
public abstract class CiTestBase : IAsyncLifetime
{
    protected FakeTimeProvider Time { get; } = new(DateTimeOffset.Parse("2026-11-25T10:00:00Z", CultureInfo.InvariantCulture));

    private protected ScriptedCi Ci { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Ci = await ScriptedCi.StartAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await Ci.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected async Task<TestServer> ServerAsync(string kind, Action<WebApplicationBuilder>? customize = null)
    {
        var server = await TestServer.StartAsync(kind, builder =>
        {
            Customize(builder);
            customize?.Invoke(builder);
        });
        await server.Client.CreateProjectAsync("p", default);
        return server;
    }

    protected void Customize(WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<TimeProvider>(Time);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Pipelines:FollowBuilds"] = "false" }); // tests say when it looks
    }

    protected static Task<IReadOnlyList<CiBuild>> BuildsAsync(TestServer server) => server.Client.ListCiBuildsAsync("p", 10, default);
}
