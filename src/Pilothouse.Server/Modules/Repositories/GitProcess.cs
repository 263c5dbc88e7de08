using System.Diagnostics;
using System.Text;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>A running git. When the caller goes away its pipes are closed, of which git and its children end by themselves; what stays is killed.</summary>
internal sealed class GitProcess : IAsyncDisposable
{
    private const int MaxErrorText = 16 * 1024;
    private static readonly TimeSpan ToEnd = TimeSpan.FromMilliseconds(500);
    private readonly Process _process;
    private readonly Task<string> _error;

    internal GitProcess(Process process)
    {
        _process = process;
        _error = ReadErrorAsync(process.StandardError.BaseStream);
    }

    public Stream Input => _process.StandardInput.BaseStream;

    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>Waits until it has ended.</summary>
    /// <returns>Exit code and what it said on standard error.</returns>
    public async Task<(int ExitCode, string Error)> ExitAsync(CancellationToken ct)
    {
        await _process.WaitForExitAsync(ct);
        return (_process.ExitCode, await _error);
    }

    public async ValueTask DisposeAsync()
    {
        // Killing a tree stops its processes first, one by one over all of /proc: a server that dies in between would leave them stopped for good.
        if (!_process.HasExited && !await EndsAsync()) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private async Task<bool> EndsAsync()
    {
        await CloseAsync(Input);
        await CloseAsync(Output);
        using var patience = new CancellationTokenSource(ToEnd);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task CloseAsync(Stream pipe)
    {
        try
        {
            await pipe.DisposeAsync();
        }
        catch (IOException)
        {
            // What was still to be written has no reader any more.
        }
    }

    private static async Task<string> ReadErrorAsync(Stream stream)
    {
        var text = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer) is var read and > 0)
                if (text.Length < MaxErrorText) text.Write(buffer, 0, read);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It was killed.
        }
        return Encoding.UTF8.GetString(text.ToArray()).Trim();
    }
}
