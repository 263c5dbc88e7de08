namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>The output of a job on its way into a file: both streams as they come, cut at a bound.</summary>
internal sealed class JobLog(FileStream file, long maxBytes) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private long _written;
    private bool _cut;

    public async Task PumpAsync(Stream output, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        for (int read; (read = await output.ReadAsync(buffer, ct)) > 0;) await WriteAsync(buffer.AsMemory(0, read), ct);
    }

    public async ValueTask DisposeAsync()
    {
        _gate.Dispose();
        await file.DisposeAsync();
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> part, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            var room = (int)Math.Min(part.Length, maxBytes - _written);
            if (room > 0)
            {
                await file.WriteAsync(part[..room], ct);
                await file.FlushAsync(ct); // so that the log can be followed
                _written += room;
            }
            if (room < part.Length && !_cut)
            {
                _cut = true;
                await file.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"\n[pilothouse: the output was cut after {maxBytes} bytes]\n"), ct);
            }
        }
        finally
        {
            _gate.Release();
        }
    }
}
