using System.CommandLine;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse serve</c>: the server, in the foreground.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Directory for the database, blobs and repositories (default: PILOTHOUSE_Server__Data, else ./data)." };
        var urls = new Option<string>("--urls") { Description = "Addresses to listen on, separated by ';' (default: http://127.0.0.1:7700)." };
        var postgres = new Option<string>("--postgres") { Description = "PostgreSQL connection string; without it the embedded SQLite database is used." };
        var command = new Command("serve", "Run the server: APIs and web UI.") { data, urls, postgres };
        command.SetAction((result, ct) => RunAsync(options =>
        {
            options.Data = result.GetValue(data) ?? (options.Data.Length > 0 ? options.Data : "data");
            options.Urls = result.GetValue(urls) ?? options.Urls;
            options.Postgres = result.GetValue(postgres) ?? options.Postgres;
        }, ct), guarded: true);
        return command;
    }

    /// <summary>Starts and waits for the end; start-up faults are one line each and exit code 2.</summary>
    private static async Task<int> RunAsync(Action<ServerOptions> configure, CancellationToken ct)
    {
        try
        {
            await using var app = WebHost.Build(configure);
            await PilothouseServer.MigrateAsync(app, ct);
            await app.StartAsync(ct);
            Console.WriteLine($"Pilothouse {PilothouseServer.Version} listens on {string.Join(", ", app.Urls)}");
            await app.WaitForShutdownAsync(ct);
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is StartupException or MigrationException)
        {
            return Cli.Fail(e.Message, ExitCode.Usage);
        }
        catch (OptionsValidationException e)
        {
            foreach (var failure in e.Failures) Cli.Fail(failure, ExitCode.Usage);
            return ExitCode.Usage;
        }
        catch (IOException e) when (e.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException || e.GetBaseException() is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse })
        {
            return Cli.Fail($"{e.Message} Another program listens there: stop it, or choose another port with --urls http://127.0.0.1:PORT.", ExitCode.Usage);
        }
    }
}
