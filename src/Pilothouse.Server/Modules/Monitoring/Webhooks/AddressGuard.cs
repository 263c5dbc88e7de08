using System.Net;
using System.Net.Sockets;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>
/// Keeps webhooks of callers away from the inside of the network. The address is checked when the connection is made, not when the webhook is created: a name may lead
/// elsewhere by then (DNS rebinding).
/// </summary>
internal static class AddressGuard
{
    private static readonly IPNetwork[] Private =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
            "::/128", "::1/128", "64:ff9b::/96", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        ]).Select(n => IPNetwork.Parse(n)),
    ];

    /// <summary>True for an address of the internet at large.</summary>
    public static bool IsPublic(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return !Array.Exists(Private, network => network.Contains(plain));
    }

    /// <summary>Connects to the first public address of the host.</summary>
    /// <exception cref="HttpRequestException">It has none.</exception>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, bool allowPrivate, CancellationToken ct)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = await Dns.GetHostAddressesAsync(host, ct);
        var allowed = Array.FindAll(addresses, a => allowPrivate || IsPublic(a));
        if (allowed.Length == 0) throw new HttpRequestException($"'{host}' leads to an address inside of a private network, where webhooks are not sent. An operator may allow it: Monitoring:WebhookAllowPrivate.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
