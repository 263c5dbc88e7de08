using System.Net.Sockets;
using System.Text;

namespace Pilothouse.Testing;

/// <summary>HTTP by hand, for requests that a well-behaved client does not send.</summary>
public static class RawHttp
{
    /// <summary>Announces a body of this length, sends none of it, and returns the answer: head and body as one text.</summary>
    public static async Task<string> AnnounceBodyAsync(Uri server, string path, string contentType, long length)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Host, server.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: {server.Authority}\r\nContent-Type: {contentType}\r\nContent-Length: {length}\r\n\r\n"));
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync(); // the server closes: it cannot find the next request behind a body it refused
    }
}
