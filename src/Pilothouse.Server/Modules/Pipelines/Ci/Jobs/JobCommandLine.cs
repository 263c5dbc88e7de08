using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>
/// The command line that runs jobs, and as which user. When commands are to have a user of their own and cannot, no job starts: at the start of the server that is logged, and before each job it is looked at again
/// until it fits.
/// </summary>
internal sealed partial class JobCommandLine(ServerOptions server, TimeProvider time, IOptions<PipelinesOptions> options, ILogger<JobCommandLine> logger) : IHostedService
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private const int MaxFault = 500;

    private bool _fits;

    /// <exception cref="PilothouseException">FailedPrecondition: commands cannot run as Pipelines:JobUser.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken ct)
    {
        if (options.Value.JobUser.Length == 0) return [.. Executable(), "ci", "run"];
        if (!_fits && await FaultAsync(ct) is { } fault) throw new PilothouseException(ErrorCode.FailedPrecondition, $"Pipelines:JobUser is '{options.Value.JobUser}', and commands cannot run as that user here, so none run. {fault}");
        return [.. Executable(), "ci", "run", .. AsUser()];
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value is { RunProjectJobs: true, JobUser.Length: > 0 } && await FaultAsync(cancellationToken) is { } fault) CannotRun(options.Value.JobUser, fault);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private string[] AsUser() => ["--as", options.Value.JobUser, "--closed", server.Data];

    private async Task<string?> FaultAsync(CancellationToken ct)
    {
        string[] words = [.. Executable(), "ci", "run", .. AsUser(), "--check"];
        using var process = new Process { StartInfo = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false } };
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            process.Start();
            process.StandardInput.Close();
            var (output, error) = (process.StandardOutput.ReadToEndAsync(either.Token), process.StandardError.ReadToEndAsync(either.Token));
            await process.WaitForExitAsync(either.Token);
            await output;
            var said = (await error).Trim();
            _fits = process.ExitCode == 0;
            return _fits ? null : said.Length <= MaxFault ? said : said[..MaxFault];
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"'{words[0]}' cannot be started: {e.Message}";
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            return $"'{string.Join(' ', words)}' does not answer.";
        }
    }

    private string[] Executable()
    {
        if (options.Value.CommandLine is { Length: > 0 } other) return [other];
        var own = Environment.ProcessPath ?? throw new PilothouseException(ErrorCode.Unsupported, "This server does not know its own executable. Set Pipelines:CommandLine to the path of pilothouse.");
        return Path.GetFileNameWithoutExtension(own) == "dotnet" ? [own, Path.Combine(AppContext.BaseDirectory, "pilothouse.dll")] : [own];
    }

    [LoggerMessage(1531, LogLevel.Error, "Jobs of pilothouse.yaml do not run: commands cannot run as {User} (Pipelines:JobUser). {Fault}")]
    private partial void CannotRun(string user, string fault);
}
