using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Pilothouse.Bench;

/// <summary>The real <c>pilothouse serve</c>, a process of its own, with an empty data directory.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _data;

    private BenchServer(Process process, string data, Uri url)
    {
        _process = process;
        _data = data;
        Http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1024 }) { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) };
    }

    public HttpClient Http { get; }

    /// <summary>Processor time of the server so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <param name="prepare">Fills the data directory before the server starts.</param>
    public static async Task<BenchServer> StartAsync(BenchOptions options, Func<string, Task>? prepare = null)
    {
        var data = Path.Combine(options.Data, $"pilothouse-bench-{Environment.ProcessId}");
        if (prepare is not null) await prepare(data);
        var url = $"http://127.0.0.1:{FreePort()}";
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "pilothouse.exe" : "pilothouse"), ["serve", "--data", data, "--urls", url]) { RedirectStandardOutput = true };
        if (options.Postgres is { } postgres) start.ArgumentList.Add("--postgres");
        if (options.Postgres is not null) start.ArgumentList.Add(options.Postgres);
        var server = new BenchServer(Process.Start(start)!, data, new Uri(url));
        var started = Stopwatch.StartNew();
        while (!await server.AnswersAsync())
        {
            if (server._process.HasExited || started.Elapsed > TimeSpan.FromMinutes(1)) throw new InvalidOperationException("The server did not start.");
            await Task.Delay(20);
        }
        Console.WriteLine($"server answers {started.Elapsed.TotalMilliseconds:0} ms after its start; data in {data}");
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            return (await Http.GetAsync("health")).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
