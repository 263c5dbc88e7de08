using System.Net;
using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Identity;

/// <summary>Refuses to listen where others can call as long as everyone is administrator.</summary>
internal sealed class BindGuard(ServerOptions server, IdentityService identity) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (identity.Anonymous is null) return Task.CompletedTask;
        foreach (var url in server.Urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!IsLoopback(url))
                throw new StartupException($"{url} can be reached from other machines, and no authentication is configured. Set PILOTHOUSE_Identity__AdminToken to a secret of at least {IdentityOptions.MinTokenLength} characters, or listen on http://127.0.0.1:7700.");
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Kestrel takes host names it cannot parse ('*', '+', any other) as "all addresses".</summary>
    internal static bool IsLoopback(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Host == "localhost" || IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
