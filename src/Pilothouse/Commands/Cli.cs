using System.CommandLine;
using Pilothouse.Client;

namespace Pilothouse.Commands;

/// <summary>Exit codes of all verbs.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    /// <summary>A gate or check failed: the answer is "no".</summary>
    public const int Failed = 1;
    /// <summary>The command line or a file was wrong.</summary>
    public const int Usage = 2;
    /// <summary>No verdict was possible: inconclusive or not comparable.</summary>
    public const int Inconclusive = 3;
    /// <summary>Something around us failed: server away, disk full.</summary>
    public const int Infrastructure = 4;
    /// <summary>pilothouse.lock is missing or not the one of this pilothouse.yaml.</summary>
    public const int Stale = 5;
    /// <summary>Stopped by its budget before a verdict.</summary>
    public const int Budget = 6;
}

/// <summary>A fault of the call itself; printed without a stack trace, exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What the verbs share: the server to talk to, and errors turned into one line and an exit code.</summary>
internal static class Cli
{
    public static Option<string> ServerOption() => new("--server") { Description = "Address of the server (default: PILOTHOUSE_URL, else http://127.0.0.1:7700)." };

    public static PilothouseClient Connect(ParseResult result, Option<string> server) =>
        Connect(result.GetValue(server) ?? Environment.GetEnvironmentVariable("PILOTHOUSE_URL") ?? "http://127.0.0.1:7700");

    public static PilothouseClient Connect(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri)) throw new UsageException($"'{address}' is not an address. Write it like http://127.0.0.1:7700.");
        return new PilothouseClient(uri, Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN"));
    }

    /// <summary>Runs a verb; every expected failure becomes a message on stderr and an exit code.</summary>
    public static void SetAction(this Command command, Func<ParseResult, CancellationToken, Task<int>> run, bool guarded) => command.SetAction(async (result, ct) =>
    {
        try
        {
            return await run(result, ct);
        }
        catch (UsageException e)
        {
            return Fail(e.Message, ExitCode.Usage);
        }
        catch (PilothouseApiException e)
        {
            return Fail(e.Message, e.Code == "LOCK_STALE" ? ExitCode.Stale : e.Status is 0 or >= 500 ? ExitCode.Infrastructure : ExitCode.Usage);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return Fail("Stopped.", 130);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException or Protocols.ProtocolFormatException)
        {
            return Fail(e.Message, ExitCode.Usage);
        }
        catch (IOException e)
        {
            return Fail(e.Message, ExitCode.Infrastructure);
        }
    });

    public static int Fail(string message, int code)
    {
        Console.Error.WriteLine("pilothouse: " + message);
        return code;
    }
}
