using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pilothouse.Client;
using Pilothouse.Server.Platform;

namespace Pilothouse.Testing;

/// <summary>The real server on 127.0.0.1:0 with a data directory of its own.</summary>
public sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly DirectoryInfo _data;
    private readonly Func<ValueTask> _drop;
    private readonly string _postgres;
    private bool _handedOn;

    private TestServer(WebApplication app, DirectoryInfo data, string postgres, Func<ValueTask> drop)
    {
        _app = app;
        _postgres = postgres;
        _data = data;
        _drop = drop;
        Url = new Uri(app.Urls.First());
        Client = new PilothouseClient(Url, null);
    }

    public Uri Url { get; }

    public PilothouseClient Client { get; }

    public HttpClient Http => Client.Http;

    public string DataPath => _data.FullName;

    /// <summary>For asserting on a module through its Api; tests drive the server over HTTP.</summary>
    public IServiceProvider Services => _app.Services;

    /// <param name="database"><c>sqlite</c> or <c>postgres</c>.</param>
    public static async Task<TestServer> StartAsync(string database = "sqlite", Action<WebApplicationBuilder>? customize = null, Action<WebApplication>? map = null)
    {
        var data = Directory.CreateTempSubdirectory("pilothouse-test-");
        var (connectionString, drop) = database == "postgres" ? await TestDatabase.CreatePostgresDatabaseAsync(migrate: true) : ("", () => ValueTask.CompletedTask);
        if (database == "sqlite") await MigratedTemplate.CopySqliteAsync(Path.Combine(data.FullName, "pilothouse.db"));
        return await StartAsync(data, connectionString, drop, customize, map);
    }

    /// <summary>Ends this one and starts another on the same data, which is its to remove.</summary>
    public async Task<TestServer> RestartAsync(Action<WebApplicationBuilder>? customize = null)
    {
        _handedOn = true;
        var held = Service<DataDirectory>();
        await DisposeAsync();
        held.Dispose(); // a process would have ended
        return await StartAsync(_data, _postgres, _drop, customize, null);
    }

    private static async Task<TestServer> StartAsync(DirectoryInfo data, string postgres, Func<ValueTask> drop, Action<WebApplicationBuilder>? customize, Action<WebApplication>? map)
    {
        var app = PilothouseServer.Build(options =>
        {
            options.Data = data.FullName;
            options.Urls = "http://127.0.0.1:0";
            options.Postgres = postgres;
        }, builder =>
        {
            builder.Logging.SetMinimumLevel(LogLevel.Warning);
            customize?.Invoke(builder);
        }, map);
        await PilothouseServer.MigrateAsync(app, CancellationToken.None);
        await app.StartAsync();
        return new TestServer(app, data, postgres, drop);
    }

    public T Service<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_handedOn) return;
        _data.Delete(recursive: true);
        await _drop();
    }
}
