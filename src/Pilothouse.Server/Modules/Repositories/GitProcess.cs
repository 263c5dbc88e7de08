using System.Diagnostics;
using System.Text;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>A running git; killed with its children when the caller goes away.</summary>
internal sealed class GitProcess : IAsyncDisposable
{
    private const int MaxErrorText = 16 * 1024;
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

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
        return ValueTask.CompletedTask;
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
