using System.Diagnostics;
using System.Globalization;
using System.Text;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Blobs;

/// <summary>
/// The real server is killed (SIGKILL) at random points of uploads in parts, weights by tensor, packs and garbage collections, again and again over the same data.
/// Then everything that was acknowledged is there, and a scrub finds nothing damaged or missing.
/// </summary>
public sealed class BlobKillTests : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("pilothouse-kill-");
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("pilothouse-kill-files-");
    private readonly List<ModelVersion> _acknowledged = [];

    /// <summary>More by hand: <c>PILOTHOUSE_KILL_ROUNDS=300</c>; with <c>PILOTHOUSE_KILL_MINUTES=60</c> as many of them as fit.</summary>
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("PILOTHOUSE_KILL_ROUNDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var rounds) ? rounds : 6;

    private static TimeSpan Limit => int.TryParse(Environment.GetEnvironmentVariable("PILOTHOUSE_KILL_MINUTES"), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) ? TimeSpan.FromMinutes(minutes) : TimeSpan.MaxValue;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_half_written_is_found()
    {
        var random = new Random(7);
        var (round, started) = (0, Stopwatch.GetTimestamp());
        for (; round < Rounds && Stopwatch.GetElapsedTime(started) < Limit; round++)
        {
            await using var server = await ServerProcess.StartAsync(_data.FullName);
            using var stop = new CancellationTokenSource();
            var steps = new Steps(random.Next(1, 25));
            Task[] work = [UploadAsync(server.Client, round, steps, stop.Token), CollectAsync(server.Client, round, steps, stop.Token)];
            // At a point of the work, not of the clock: a busy machine is killed in the same places as a quiet one; and a little later, in the middle of something.
            await Task.WhenAny(Task.WhenAll(work), steps.Reached);
            await Task.Delay(random.Next(0, 60));
            await server.KillAsync();
            await stop.CancelAsync();
            foreach (var task in work) await EndAsync(task);
        }

        await using var last = await ServerProcess.StartAsync(_data.FullName);
        await UploadAsync(last.Client, Rounds, new Steps(int.MaxValue), CancellationToken.None);
        foreach (var digest in _acknowledged.SelectMany(v => v.Files).Select(f => f.Digest).Distinct())
        {
            await using var content = await last.Client.DownloadBlobAsync(digest, default);
            Assert.Equal(digest, (await Digest.OfAsync(content, default)).ToString());
        }
        await last.Client.StartScrubAsync(new ScrubRequest(0), default);
        var report = await Eventually.GetAsync(async () => await last.Client.GetScrubAsync(default) is { State: not "running" } ended ? ended : null);
        Assert.Equal("done", report.State);
        Assert.Empty(report.Faults);
        Assert.NotEmpty(_acknowledged);
        TestContext.Current.SendDiagnosticMessage($"{round} rounds, {_acknowledged.Count} versions acknowledged, {report.Blobs} blobs scrubbed");
    }

    public void Dispose()
    {
        _data.Delete(recursive: true);
        _files.Delete(recursive: true);
    }

    /// <summary>A large file in parts, weights of which one tensor changed, and small files in a pack, as versions of a model.</summary>
    private async Task UploadAsync(PilothouseClient client, int round, Steps steps, CancellationToken ct)
    {
        var directory = _files.CreateSubdirectory($"{round % 3}");
        for (var step = 0; ; step++)
        {
            // The large file changes every third time only: in between an upload that was cut goes on.
            var large = Path.Combine(directory.FullName, "large.bin");
            if (step > 0 || !File.Exists(large)) await File.WriteAllBytesAsync(large, Large(round * 100 + step), ct);
            var tensors = Enumerable.Range(0, 6).Select(i => ($"layer.{i}", 700_000, i == (round + step) % 6 ? round * 1000 + step : i)).ToList();
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "model.safetensors"), WeightFiles.Safetensors(tensors), ct);
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "MLmodel"), Encoding.UTF8.GetBytes($"artifact_path: model\nflavors:\n  python_function:\n    loader_module: m{round}x{step}\n"), ct);
            var (files, _) = await client.UploadDirectoryAsync(directory.FullName, new UploadOptions { Patience = TimeSpan.Zero, Progress = steps }, ct);
            var version = await client.RegisterModelAsync("killed", new NewModelVersion("mlflow", files), ct);
            lock (_acknowledged) _acknowledged.Add(version);
            steps.Next();
            if (round == Rounds) return;
        }
    }

    /// <summary>Makes garbage, ages it and what is registered, and collects: again and again.</summary>
    private async Task CollectAsync(PilothouseClient client, int round, Steps steps, CancellationToken ct)
    {
        for (var step = 0; ; step++)
        {
            var garbage = new List<string>();
            for (var i = 0; i < 10; i++) garbage.Add(await PutAsync(client, Bytes(20_000, -(round * 10_000 + step * 10 + i) - 1), ct));
            List<string> old;
            lock (_acknowledged) old = [.. garbage, .. _acknowledged.SelectMany(v => v.Files).Select(f => f.Digest)];
            foreach (var digest in old)
            {
                var path = Path.Combine(_data.FullName, "blobs", "sha256", digest[7..9], digest[9..11], digest[7..]);
                if (File.Exists(path)) File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            }
            await client.CollectBlobsAsync(new BlobGarbageRequest(DryRun: false), ct);
            steps.Next();
        }
    }

    private static async Task<string> PutAsync(PilothouseClient client, byte[] content, CancellationToken ct)
    {
        using var response = await client.Http.PutAsync($"api/v1/blobs/{Digest.Of(content)}", new ByteArrayContent(content), ct);
        response.EnsureSuccessStatusCode();
        return Digest.Of(content).ToString();
    }

    private static async Task EndAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is PilothouseApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            // The server was killed under it.
        }
    }

    /// <summary>Three parts, mostly of holes: hundreds of rounds keep hundreds of them.</summary>
    private static byte[] Large(int seed)
    {
        const int stride = 8 * 1024 * 1024;
        var content = new byte[36_000_000];
        var random = new Random(seed);
        for (var at = 0; at < content.Length; at += stride) random.NextBytes(content.AsSpan(at, Math.Min(1_500_000, content.Length - at)));
        return content;
    }

    private static byte[] Bytes(int length, int seed)
    {
        var content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    /// <summary>Counts what was done until the server is to be killed.</summary>
    private sealed class Steps(int count) : IProgress<UploadProgress>
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = count;

        public Task Reached => _reached.Task;

        public void Report(UploadProgress value) => Next();

        public void Next()
        {
            if (Interlocked.Decrement(ref _left) <= 0) _reached.TrySetResult();
        }
    }
}
