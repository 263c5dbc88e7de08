using Pilothouse.Server.Platform;
using Pilothouse.Web;

namespace Pilothouse;

/// <summary>The server together with the web UI: what <c>serve</c> and <c>demo</c> run.</summary>
internal static class WebHost
{
    /// <param name="quiet">Logs only errors: the demo tells its own story.</param>
    public static WebApplication Build(Action<ServerOptions> configure, bool quiet = false) => PilothouseServer.Build(configure, builder =>
    {
        if (quiet) builder.Logging.SetMinimumLevel(LogLevel.Error).AddFilter("Pilothouse", LogLevel.Error);
        WebUi.AddServices(builder);
    }, WebUi.Map);
}
