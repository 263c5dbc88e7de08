using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Pilothouse.Data;

namespace Pilothouse.Server.Platform;

/// <summary>
/// Composes the server: options, platform, modules, in that order. The executable and the tests start the same thing.
/// </summary>
public static class PilothouseServer
{
    /// <summary>JSON bodies above this are refused with 413; routes that stream files lift it themselves.</summary>
    public const long MaxJsonBody = 64 * 1024 * 1024;

    public static string Version { get; } =
        typeof(PilothouseServer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";

    /// <summary>Builds the application; starts nothing.</summary>
    /// <param name="configure">Options from the command line or a test.</param>
    /// <param name="customize">Last word on services and routes: the web UI, or a test's clock.</param>
    /// <exception cref="StartupException">An option is wrong, or the data directory is in use.</exception>
    public static WebApplication Build(Action<ServerOptions> configure, Action<WebApplicationBuilder>? customize = null, Action<WebApplication>? map = null)
    {
        // A slim builder with the environment fixed: an appsettings.json in the working directory must not change a server by accident.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = typeof(PilothouseServer).Assembly.GetName().Name, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddEnvironmentVariables("PILOTHOUSE_");
        var options = new ServerOptions();
        builder.Configuration.GetSection("Server").Bind(options);
        configure(options);
        var dataLock = DataDirectory.Open(options);

        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error) // it warns of keys that are not encrypted: so is the directory they lie in
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical); // a start-up fault is told once, by the executable
        builder.WebHost.UseKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxJsonBody;
        });
        builder.WebHost.UseUrls(options.Urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

        AddPlatform(builder.Services, options, dataLock);
        foreach (var module in ModuleCatalog.All) module.AddServices(builder.Services, builder.Configuration);
        customize?.Invoke(builder);

        var app = builder.Build();
        app.UseMiddleware<ErrorMiddleware>();
        app.UseMiddleware<Mlflow.MlflowPathGuard>();
        app.UseRouting();
        app.UseMiddleware<AuthMiddleware>();
        app.UseAntiforgery();
        MapHealth(app);
        app.MapOpenApi("/openapi/{documentName}.json").AllowAnyone();
        app.MapLineage();
        app.MapPointers();
        foreach (var module in ModuleCatalog.All) module.MapEndpoints(app);
        map?.Invoke(app);
        return app;
    }

    /// <summary>Brings the database to the newest schema. Called once before the application starts to listen.</summary>
    public static Task MigrateAsync(WebApplication app, CancellationToken ct) =>
        new Migrator(app.Services.GetRequiredService<Db>(), app.Services.GetRequiredService<TimeProvider>())
            .MigrateAsync(Migrations.For(app.Services.GetRequiredService<Db>().Dialect), Version, ct);

    private static void AddPlatform(IServiceCollection services, ServerOptions options, DataDirectory data)
    {
        services.AddSingleton(options).AddSingleton(data);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options.Postgres.Length > 0 ? Db.OpenPostgres(options.Postgres) : Db.OpenSqlite(Path.Combine(options.Data, "pilothouse.db")));
        services.AddSingleton<Ids>().AddSingleton<ILineage>(s => new Lineage(s.GetServices<ILineageSource>)).AddSingleton<IPointers, Pointers>();
        services.AddSingleton<EventBus>().AddSingleton<IEventBus>(s => s.GetRequiredService<EventBus>()).AddHostedService(s => s.GetRequiredService<EventBus>());
        services.AddSingleton<BackgroundWork>().AddSingleton<IBackgroundWork>(s => s.GetRequiredService<BackgroundWork>()).AddHostedService(s => s.GetRequiredService<BackgroundWork>());
        services.AddHttpClient();
        // A body that cannot be read goes to ErrorMiddleware, which says what is wrong with it; the default is an empty 400.
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json => WireJson.Configure(json.SerializerOptions));
        services.AddOpenApi("v1", openApi => openApi.ShouldInclude = description => description.RelativePath?.StartsWith("api/v1", StringComparison.Ordinal) == true);
        // Forms stay valid over a restart.
        services.AddDataProtection().SetApplicationName("pilothouse").PersistKeysToFileSystem(Directory.CreateDirectory(options.KeysPath));
        services.AddAntiforgery(forms => forms.Cookie.Name = "pilothouse_forms");
    }

    private static void MapHealth(WebApplication app)
    {
        app.MapGet("/health", () => "OK").AllowAnyone();
        app.MapGet("/health/ready", async (Db db, CancellationToken ct) =>
        {
            await db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM schema_version"), ct);
            return "OK";
        }).AllowAnyone();
    }
}

/// <summary>The server cannot start as it is configured; the message names the option and the remedy.</summary>
public sealed class StartupException(string message) : Exception(message);
