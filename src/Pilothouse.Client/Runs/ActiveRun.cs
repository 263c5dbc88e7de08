using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pilothouse.Client.Capture;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client.Runs;

/// <summary>
/// A run under way. Logging writes to a journal on disk and returns; a background task brings it to the server in batches, and waits while the server is away. Nothing is thrown away:
/// what the server refuses is reported and kept, and what it has not taken at the end stays on disk for <c>pilothouse run sync</c>. Thread-safe.
/// </summary>
public sealed class ActiveRun : IAsyncDisposable
{
    /// <summary>Characters of one tag or parameter; the server cuts far earlier.</summary>
    private const int MaxText = 1024 * 1024;

    private const long MaxLock = 64 * 1024 * 1024;

    private const string OuterRun = "PILOTHOUSE_RUN_ID";

    private static readonly JsonSerializerOptions Readable = new(PilothouseClient.Json) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(15);

    private readonly PilothouseClient _client;
    private readonly RunOptions _options;
    private readonly TimeProvider _time;
    private readonly RunBuffer _buffer;
    private readonly RunSender _sender;
    private readonly RunPump _pump;
    private readonly Action<string> _problem;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _samplingStop = new();
    private Task _background = Task.CompletedTask;
    private Task _environment = Task.CompletedTask;
    private Task _sampling = Task.CompletedTask;
    private bool _ended;
    private byte[]? _lock;

    private ActiveRun(PilothouseClient client, RunOptions options, BufferHeader header, Action<string> problem, TimeProvider time)
    {
        (_client, _options, _problem, _time) = (client, options, problem, time);
        _buffer = RunBuffer.Create(Root(options), header, options.MaxBufferBytes);
        _sender = new RunSender(client, _buffer, problem);
        _pump = new RunPump(_sender, _buffer, time, problem);
    }

    public string Id => _buffer.Header.RunId;

    /// <summary>Null until the server has answered.</summary>
    public StartedRun? Server => _sender.Run;

    /// <summary>Where everything is kept until the server has it.</summary>
    public string BufferDirectory => _buffer.Directory;

    /// <summary>False: another process made this run and will end it.</summary>
    public bool IsOwner => _buffer.Header.New is not null;

    internal static async Task<ActiveRun> StartAsync(PilothouseClient client, RunOptions options, TimeProvider time, CancellationToken ct)
    {
        if (options.HeartbeatInterval < TimeSpan.FromMilliseconds(500) || options.HeartbeatInterval > TimeSpan.FromMinutes(10))
            throw new ArgumentException($"HeartbeatInterval is {options.HeartbeatInterval}; it must be between 0.5 s and 10 min.", nameof(options));
        var problem = options.OnProblem ?? (text => Console.Error.WriteLine("pilothouse: " + text));
        var outer = Environment.GetEnvironmentVariable(OuterRun) is { Length: > 0 } id ? id : null;
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var server = client.Server.ToString().TrimEnd('/');
        var joins = outer is not null && !options.Nested && options.ParentRunId is null;
        var source = options.CaptureSource && !joins ? await SourceState.ReadAsync(Environment.CurrentDirectory, ct) : null;
        var tags = source is null ? [] : new Dictionary<string, string>(source.Tags());
        var pinned = source is null ? null : PinnedBy(Environment.CurrentDirectory, source.Root);
        if (pinned is not null) tags[ReproductionTags.Lock] = Digest.Of(pinned).ToString();
        if ((options.ParentRunId ?? outer) is { } parent) tags[RunTags.ParentRun] = parent;
        var command = options.Command ?? Environment.GetCommandLineArgs();
        var line = string.Join(' ', Secrets.MaskedCommand(command).Select(w => w.Length == 0 || w.Any(char.IsWhiteSpace) ? $"'{w}'" : w));
        foreach (var (key, value) in new[] { ("mlflow.user", Environment.UserName), ("mlflow.source.name", line), ("mlflow.source.type", "JOB"), ("pilothouse.command", line), ("pilothouse.host", Environment.MachineName) }) tags[key] = value;
        foreach (var (key, value) in options.Tags) tags[key] = value;
        var header = joins ? new BufferHeader(outer!, server, now, null)
            : new BufferHeader(Guid.CreateVersion7(time.GetUtcNow()).ToString("N"), server, now, new NewRun(options.Experiment, options.Name, Environment.UserName, now, tags));
        var run = new ActiveRun(client, options, header, problem, time) { _lock = pinned };
        try
        {
            await run.ConnectAsync(ct);
            await run.StoreStartAsync(source, ct);
            run._background = Task.WhenAll(run._pump.RunAsync(run._stopping.Token), run.KeepAliveAsync(), run.SendLeftoversAsync());
            if (run.IsOwner && options.CaptureEnvironment) run._environment = run.StoreEnvironmentAsync(command, Environment.CurrentDirectory);
            if (run.IsOwner && options.SystemMetricsInterval is { } interval) run.StartSampling(Environment.ProcessId, interval);
            return run;
        }
        catch
        {
            run._buffer.Dispose();
            throw;
        }
    }

    /// <param name="value">NaN and infinities are kept as MLflow keeps them.</param>
    /// <exception cref="RunBufferFullException">The server is away and the buffer is full.</exception>
    public void LogMetric(string key, double value, long step) => LogMetric(key, value, step, _time.GetUtcNow());

    /// <inheritdoc cref="LogMetric(string, double, long)"/>
    public void LogMetric(string key, double value, long step, DateTimeOffset time) =>
        Log(new JournalEntry(JournalEntry.Metric, key, Value: value, TimeMs: time.ToUnixTimeMilliseconds(), Step: step));

    /// <summary>Parameters are written once; another value for the same key is refused by the server and reported.</summary>
    public void LogParam(string key, string value) => Log(new JournalEntry(JournalEntry.Param, key, Checked(value)));

    public void SetTag(string key, string value) => Log(new JournalEntry(JournalEntry.Tag, key, Checked(value)));

    /// <summary>Stores a file among the run's artifacts: at once when the server is there, else as a copy in the buffer.</summary>
    /// <param name="path">Relative, with '/' between its parts.</param>
    public async Task LogArtifactAsync(string file, string path, CancellationToken ct)
    {
        await using var content = File.OpenRead(file);
        await LogArtifactAsync(content, path, ct);
    }

    public async Task LogTextAsync(string text, string path, CancellationToken ct) => await LogArtifactAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), path, ct);

    /// <param name="content">Seekable, since it may be read twice.</param>
    public async Task LogArtifactAsync(Stream content, string path, CancellationToken ct)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        await StoreAsync(content, path, ct);
    }

    private async Task StoreAsync(Stream content, string path, CancellationToken ct)
    {
        var start = content.Position;
        if (_sender.Run is { } run && !_pump.IsAway)
        {
            try
            {
                // The stream is used once more when the server goes away in the middle.
                await _client.UploadArtifactAsync(run.ArtifactUri, path, new KeptOpen(content), ct);
                return;
            }
            catch (Exception e) when (SendFailures.IsExpected(e) && SendFailures.Classify(e) == SendFailure.Away && !ct.IsCancellationRequested)
            {
                content.Position = start;
            }
        }
        await _buffer.KeepFileAsync(content, path, ct);
        _pump.Wake();
    }

    /// <summary>Output of the run; appears on the server while it runs.</summary>
    /// <param name="stream"><c>stdout</c> or <c>stderr</c>.</param>
    public void AppendLog(string stream, ReadOnlySpan<byte> bytes)
    {
        if (stream is not ("stdout" or "stderr")) throw new ArgumentException("stdout or stderr.", nameof(stream));
        _buffer.AppendLog(stream, bytes);
        _pump.Wake();
    }

    /// <summary>Samples CPU and memory of a process and all it started, and the machine around it, until the run ends.</summary>
    public void StartSampling(int processId, TimeSpan interval) => _sampling = SampleAsync(processId, interval);

    /// <summary>Waits until the server has everything that was logged before the call.</summary>
    /// <returns>False when the server stayed away for that long: everything is still in the buffer.</returns>
    public Task<bool> FlushAsync(TimeSpan limit, CancellationToken ct) => _pump.DrainAsync(limit, ct);

    /// <summary>Ends the run, and waits up to <see cref="RunOptions.FlushTimeout"/> for the server.</summary>
    /// <param name="reason">Why, e.g. <c>exit code 3</c>; may be null.</param>
    public Task EndAsync(RunOutcome outcome, string? reason) => EndAsync(new JournalEntry(JournalEntry.End, outcome.ToString().ToUpperInvariant(), reason, TimeMs: _time.GetUtcNow().ToUnixTimeMilliseconds()));

    /// <summary>A run that was not ended is finished; one that was joined is only flushed.</summary>
    public async ValueTask DisposeAsync()
    {
        await EndAsync(RunOutcome.Finished, null);
        _stopping.Dispose();
        _samplingStop.Dispose();
    }

    private async Task EndAsync(JournalEntry end)
    {
        if (_ended) return;
        _ended = true;
        await _environment;
        await _samplingStop.CancelAsync();
        await _sampling;
        if (IsOwner) _buffer.Append(end);
        var drained = await _pump.DrainAsync(_options.FlushTimeout, CancellationToken.None);
        await _stopping.CancelAsync();
        await _background.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (drained)
        {
            if (_buffer.Remove() is { } refused) _problem($"{_sender.Refused} entries were refused by the server; they are in {refused}");
        }
        else
        {
            _buffer.Sync();
            _problem($"the server {_client.Server} has not taken everything. It is kept in {_buffer.Directory}; 'pilothouse run sync' sends it, and so does the next run");
        }
        _buffer.Dispose();
    }

    private void Log(JournalEntry entry)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        _buffer.Append(entry);
        _pump.Wake();
    }

    private async Task ConnectAsync(CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(ConnectLimit);
        try
        {
            await _sender.ConnectAsync(limit.Token);
            if (IsOwner) await _client.HeartbeatAsync(Id, _options.HeartbeatInterval, limit.Token);
        }
        catch (Exception e) when (SendFailures.IsExpected(e) && !ct.IsCancellationRequested)
        {
            if (SendFailures.Classify(e) != SendFailure.Away && IsOwner)
            {
                _buffer.Remove();
                throw;
            }
            _pump.Away(e);
        }
    }

    private async Task StoreStartAsync(SourceState? source, CancellationToken ct)
    {
        if (!IsOwner) return;
        if (source is { Diff.Length: > 0 }) await LogArtifactAsync(new MemoryStream(source.Diff), "source/diff.patch", ct);
        if (source is { Untracked.Length: > 0 }) await LogTextAsync(source.Untracked, "source/untracked.txt", ct);
        if (source is { UntrackedContent.Length: > 0 }) await LogArtifactAsync(new MemoryStream(source.UntrackedContent), ReproductionTags.UntrackedContent, ct);
        if (_lock is not null) await LogArtifactAsync(new MemoryStream(_lock), ReproductionTags.LockFile, ct);
    }

    private async Task KeepAliveAsync()
    {
        if (!IsOwner) return;
        using var timer = new PeriodicTimer(_options.HeartbeatInterval, _time);
        while (await TickAsync(timer, _stopping.Token))
        {
            if (_sender.Run is null) continue; // made by the pump when the server is there
            try
            {
                await _client.HeartbeatAsync(Id, _options.HeartbeatInterval, _stopping.Token);
            }
            catch (Exception e) when (SendFailures.IsExpected(e))
            {
                // Away: the pump says so, and the next beat revives the run on the server.
            }
        }
    }

    /// <summary>Packages take seconds to list: meanwhile the run goes on.</summary>
    private async Task StoreEnvironmentAsync(IReadOnlyList<string> command, string directory)
    {
        try
        {
            var environment = await HostEnvironment.DescribeAsync(command, directory, _stopping.Token);
            await StoreAsync(new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(environment, Readable)), "source/environment.json", _stopping.Token);
            foreach (var file in environment.Packages.LockFiles)
            {
                await using var content = File.OpenRead(Path.Combine(directory, file));
                await StoreAsync(content, $"source/{file}", _stopping.Token);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _problem($"the environment could not be recorded: {e.Message}");
        }
    }

    private async Task SampleAsync(int process, TimeSpan interval)
    {
        var sampler = new SystemSampler(process);
        using var timer = new PeriodicTimer(interval, _time);
        var last = false;
        // Once more at the end, so that the shortest run has its figures too.
        for (long step = 0; ; step++, last = !await TickAsync(timer, _samplingStop.Token))
        {
            var sample = await sampler.SampleAsync(_stopping.Token);
            var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
            try
            {
                foreach (var (key, value) in sample) _buffer.Append(new JournalEntry(JournalEntry.Metric, key, Value: value, TimeMs: now, Step: step));
            }
            catch (IOException e)
            {
                _problem($"system metrics are no longer recorded: {e.Message}");
                return;
            }
            _pump.Wake();
            if (last) return;
        }
    }

    /// <summary>Runs that an earlier process could not send go when this one has reached the server.</summary>
    private async Task SendLeftoversAsync()
    {
        if (!IsOwner) return;
        await _pump.Reached.WaitAsync(_stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_stopping.IsCancellationRequested) return;
        await foreach (var result in RunSync.SendAsync(Root(_options), server => server == _buffer.Header.Server ? _client : null, _problem, _time, _stopping.Token))
            if (result.State == SyncState.Sent) _problem($"run {result.RunId} of an earlier time, kept while the server was away, is sent");
    }

    private static async Task<bool> TickAsync(PeriodicTimer timer, CancellationToken ct)
    {
        try
        {
            return await timer.WaitForNextTickAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>The pilothouse.lock of the working directory, or of one above it in the repository: what the data of the run is.</summary>
    private static byte[]? PinnedBy(string directory, string root)
    {
        for (var folder = new DirectoryInfo(directory); folder is not null; folder = folder.Parent)
        {
            var file = new FileInfo(Path.Combine(folder.FullName, LockFile.FileName));
            if (file is { Exists: true, Length: <= MaxLock }) return File.ReadAllBytes(file.FullName);
            if (folder.FullName == root) break;
        }
        return null;
    }

    private static string Root(RunOptions options) => options.BufferDirectory ?? RunBuffer.DefaultRoot;

    private static string Checked(string value) => value.Length <= MaxText ? value
        : throw new ArgumentException($"{value.Length.ToString(CultureInfo.InvariantCulture)} characters; a tag or parameter has {MaxText} at most. Store it as an artifact.", nameof(value));
}
