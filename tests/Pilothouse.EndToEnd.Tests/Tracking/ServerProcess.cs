using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Pilothouse.Client;

namespace Pilothouse.EndToEnd.Tests.Tracking;

/// <summary>The real executable, <c>pilothouse serve</c>, as a process of its own that can be killed.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, Uri url)
    {
        _process = process;
        Url = url;
        Client = new PilothouseClient(url, null);
    }

    public static string Executable { get; } = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "pilothouse.exe" : "pilothouse");

    public Uri Url { get; }

    public PilothouseClient Client { get; }

    public static async Task<ServerProcess> StartAsync(string data, string? postgres)
    {
        var url = new Uri($"http://127.0.0.1:{FreePort()}");
        var start = new ProcessStartInfo(Executable, ["serve", "--data", data, "--urls", url.ToString()]) { RedirectStandardOutput = true };
        if (postgres is not null)
        {
            start.ArgumentList.Add("--postgres");
            start.ArgumentList.Add(postgres);
        }
        var server = new ServerProcess(Process.Start(start)!, url);
        // The server says so when it listens; its output ends when it could not start.
        if (await server._process.StandardOutput.ReadLineAsync() is null) throw new InvalidOperationException("The server did not start.");
        return server;
    }

    /// <summary>SIGKILL: no handler runs, nothing is flushed.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
