using Pilothouse.Server.Platform;
using Pilothouse.Web;

namespace Pilothouse;

/// <summary>The server together with the web UI: what <c>serve</c> and <c>demo</c> run.</summary>
internal static class WebHost
{
    public static WebApplication Build(Action<ServerOptions> configure) => PilothouseServer.Build(configure, WebUi.AddServices, WebUi.Map);
}
