using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Pilothouse.Bench;

/// <summary>The real <c>pilothouse serve</c>, a process of its own, with an empty data directory.</summary>
internal sealed class BenchServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _data;
    private readonly Func<Task> _dropDatabase;

    private BenchServer(Process process, string data, Uri url, string? postgres, Func<Task> dropDatabase)
    {
        PostgresDatabase = postgres;
        _process = process;
        _data = data;
        _dropDatabase = dropDatabase;
        Http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1024 }) { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) };
    }

    public HttpClient Http { get; }

    /// <summary>Connection string of the server's own database on PostgreSQL; null = SQLite.</summary>
    public string? PostgresDatabase { get; }

    /// <summary>The server's database file on SQLite.</summary>
    public string SqliteFile => Path.Combine(_data, "pilothouse.db");

    /// <summary>Processor time of the server so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Resident memory of the server now.</summary>
    public double ResidentMegabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1e6;
        }
    }

    /// <summary>The most memory that the server ever had resident.</summary>
    public double PeakMegabytes
    {
        get
        {
            _process.Refresh();
            return _process.PeakWorkingSet64 / 1e6;
        }
    }

    public static string Executable { get; } = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "pilothouse.exe" : "pilothouse");

    /// <param name="prepare">Fills the data directory before the server starts.</param>
    public static async Task<BenchServer> StartAsync(BenchOptions options, Func<string, Task>? prepare = null)
    {
        var data = Path.Combine(options.Data, $"pilothouse-bench-{Environment.ProcessId}");
        if (prepare is not null) await prepare(data);
        var url = $"http://127.0.0.1:{FreePort()}";
        var start = new ProcessStartInfo(Executable, ["serve", "--data", data, "--urls", url]) { RedirectStandardOutput = true };
        Func<Task> drop = () => Task.CompletedTask;
        string? database = null;
        if (options.Postgres is { } postgres)
        {
            // A database of its own: the one that is named is only used to create it.
            var name = $"pilothouse_bench_{Environment.ProcessId}";
            await ExecuteAsync(postgres, $"CREATE DATABASE {name}");
            drop = () => ExecuteAsync(postgres, $"DROP DATABASE {name} WITH (FORCE)");
            start.ArgumentList.Add("--postgres");
            database = new NpgsqlConnectionStringBuilder(postgres) { Database = name }.ToString();
            start.ArgumentList.Add(database);
        }
        var server = new BenchServer(Process.Start(start)!, data, new Uri(url), database, drop);
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
        await _dropDatabase();
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
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
