using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>
/// Runs git with a clean environment: no user or system configuration, no shell, arguments as a list. libgit2 has no server side of the
/// protocols, so the plumbing itself is what serves.
/// </summary>
internal sealed class Git(ServerOptions server, IOptions<RepositoriesOptions> options)
{
    public static IReadOnlyDictionary<string, string> NoEnvironment { get; } = new Dictionary<string, string>();

    /// <summary>Names and contents are UTF-8 by custom; what is not is shown with replacement characters.</summary>
    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    public string PathOf(string project) => Path.Combine(server.RepositoriesPath, project + ".git");

    /// <summary>Runs a command that answers with a little text.</summary>
    /// <returns>Exit code and standard output (at most <paramref name="maxBytes"/>; more is an error).</returns>
    public async Task<(int ExitCode, byte[] Output, string Error)> RunAsync(string? project, IReadOnlyList<string> arguments, int maxBytes, CancellationToken ct)
    {
        using var output = new MemoryStream();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(TimeSpan.FromSeconds(options.Value.CommandTimeoutSeconds));
        var (exitCode, error) = await PipeAsync(project, arguments, NoEnvironment, Stream.Null, new BoundedStream(output, maxBytes), timeout.Token);
        return (exitCode, output.ToArray(), error);
    }

    /// <summary>Runs a command between two streams; the process is killed when the caller goes away.</summary>
    /// <param name="environment">Variables beside the clean set, e.g. GIT_PROTOCOL.</param>
    public async Task<(int ExitCode, string Error)> PipeAsync(string? project, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, Stream input, Stream output, CancellationToken ct)
    {
        await using var process = Start(project, arguments, environment);
        var feed = FeedAsync(input, process.Input, ct);
        await CopyFlushingAsync(process.Output, output, ct);
        var (exitCode, error) = await process.ExitAsync(ct);
        await feed;
        return (exitCode, error);
    }

    /// <summary>Starts a command whose streams the caller handles.</summary>
    public GitProcess Start(string? project, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var process = new Process { StartInfo = StartInfo(project, arguments, environment) };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            process.Dispose();
            throw new PilothouseException(ErrorCode.Unavailable, $"git cannot be started ({e.Message}). Install git, or set Repositories:GitPath.", e);
        }
        return new GitProcess(process);
    }

    private ProcessStartInfo StartInfo(string? project, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(options.Value.GitPath)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        var path = Environment.GetEnvironmentVariable("PATH");
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["HOME"] = server.TemporaryPath;
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["LC_ALL"] = "C";
        start.Environment["GIT_LITERAL_PATHSPECS"] = "1"; // a path is a path, whatever it begins with
        foreach (var (name, value) in environment) start.Environment[name] = value;
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("safe.directory=*"); // the repositories are ours, whoever owns the files (containers, volumes)
        if (project is not null)
        {
            start.ArgumentList.Add("--git-dir");
            start.ArgumentList.Add(PathOf(project));
        }
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return start;
    }

    private static async Task FeedAsync(Stream input, Stream target, CancellationToken ct)
    {
        await using (target)
        {
            try
            {
                await input.CopyToAsync(target, ct);
            }
            catch (IOException)
            {
                // git closed its input early (it refused the request); its own message says why.
            }
        }
    }

    /// <summary>Flushes every read, so that a client sees progress while git works.</summary>
    private static async Task CopyFlushingAsync(Stream source, Stream target, CancellationToken ct)
    {
        var buffer = new byte[64 * 1024];
        while (await source.ReadAsync(buffer, ct) is var read and > 0)
        {
            await target.WriteAsync(buffer.AsMemory(0, read), ct);
            await target.FlushAsync(ct);
        }
    }

    /// <summary>Throws instead of growing without bound.</summary>
    internal sealed class BoundedStream(MemoryStream inner, int maxBytes) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => inner.Length;
        public override long Position { get => inner.Position; set => throw new NotSupportedException("Write only."); }
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Write only.");
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("Write only.");
        public override void SetLength(long value) => throw new NotSupportedException("Write only.");

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (inner.Length + count > maxBytes)
                throw new PilothouseException(ErrorCode.TooLarge, $"The content has more than {maxBytes} bytes, which is the limit here.");
            inner.Write(buffer, offset, count);
        }
    }
}
