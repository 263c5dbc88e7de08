using System.Diagnostics;
using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Bench;

/// <summary>Scalar events a second on one core, in both forms; the limits are reading the file and its checksums alone.</summary>
internal static class TfEventsVerb
{
    private const int Tags = 20;

    public static async Task RunAsync(BenchOptions options)
    {
        var events = options.Runs * 100; // 1,000,000 by default
        var path = Path.Combine(options.Data, $"pilothouse-tfevents-{Environment.ProcessId}");
        try
        {
            foreach (var legacy in (bool[])[false, true])
            {
                await WriteAsync(path, events, legacy);
                var form = legacy ? "legacy (simple_value)" : "tensor form";
                Read(path); // compiled and cached
                var plain = Measure(() => ReadBytes(path));
                var checksums = Measure(() => ReadRecords(path));
                var held = GC.GetTotalAllocatedBytes(precise: true);
                var whole = Measure(() => Read(path));
                var allocated = GC.GetTotalAllocatedBytes(precise: true) - held;
                var size = new FileInfo(path).Length;
                Load.Row($"{form}: events, MB", $"{events:N0}, {size / 1e6:N0}");
                Load.Row($"{form}: events/s", $"{events / whole:N0}");
                Load.Row($"{form}: MB/s", $"{size / 1e6 / whole:N0}");
                Load.Row($"{form}: allocated in all, KB", $"{allocated / 1024.0 / Rounds:N0}");
                Load.Row("limit: framing and checksums only, events/s", $"{events / checksums:N0}");
                Load.Row("limit: reading the file only, MB/s", $"{size / 1e6 / plain:N0}");
                if (!legacy) await ImportAsync(options, path, events);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The same file to the server, as <c>pilothouse import tensorboard</c> sends it; the answer means durable.</summary>
    private static async Task ImportAsync(BenchOptions options, string path, int events)
    {
        await using var server = await BenchServer.StartAsync(options);
        var run = (await server.Http.PostJsonAsync("api/v1/tfevents/runs", new { experiment = "bench", source = "bench", path = "run", name = "run", start_ms = 0 })).GetProperty("run_id").GetString();
        await using var file = File.OpenRead(path);
        var memory = new List<double>();
        var (position, cpu, watch) = (0L, server.Cpu, Stopwatch.StartNew());
        while (position < file.Length)
        {
            file.Position = position;
            var bytes = new byte[Math.Min(Stretch, file.Length - position)];
            await file.ReadExactlyAsync(bytes);
            using var response = await server.Http.PostAsync($"api/v1/runs/{run}/tfevents?name=events.out.tfevents.1.bench&offset={position}&size={file.Length}", new ByteArrayContent(bytes));
            response.EnsureSuccessStatusCode();
            position = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("position").GetInt64();
            memory.Add(server.ResidentMegabytes);
        }
        Load.Row("import by the server: points/s, durable", $"{events / watch.Elapsed.TotalSeconds:N0}");
        Load.Row("import by the server: CPU, microseconds a point", $"{(server.Cpu - cpu).TotalMicroseconds / events:0.00}");
        Load.Row("import by the server: MB resident, after 1/4 and at the end", $"{memory[memory.Count / 4]:N0} / {memory[^1]:N0}");
    }

    private const int Stretch = 4 * 1024 * 1024;

    private const int Rounds = 3;

    /// <summary>Seconds of the best of three rounds.</summary>
    private static double Measure(Action read)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            read();
            best = Math.Min(best, watch.Elapsed.TotalSeconds);
        }
        return best;
    }

    private static async Task WriteAsync(string path, int events, bool legacy)
    {
        await using var file = File.Create(path);
        var writer = new EventFileWriter(file, wide: false);
        writer.WriteVersion(1_767_225_600);
        for (var i = 0; i < events; i++)
        {
            var (tag, step) = ($"train/metric_{i % Tags}", i / Tags);
            if (legacy) writer.WriteLegacyScalar(tag, step, 1_767_225_600 + step * 0.1, 1f / (1 + step));
            else writer.WriteScalar(tag, step, 1_767_225_600 + step * 0.1, 1.0 / (1 + step));
            if (writer.ShouldFlush) await writer.FlushAsync(default);
        }
        await writer.FlushAsync(default);
    }

    private static void Read(string path)
    {
        var sink = new Sum();
        var run = new EventRun(sink);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var reader = new EventFileReader(file, 0);
        while (reader.Fill())
        {
            for (var at = reader.Position; reader.Next(out var record) == EventRecordStatus.Record; at = reader.Position) run.Read(record, at);
        }
        if (sink.Count != run.Events - 1) throw new InvalidOperationException($"{sink.Count} of {run.Events} events were scalars.");
    }

    private static void ReadRecords(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var reader = new EventFileReader(file, 0);
        while (reader.Fill())
            while (reader.Next(out _) == EventRecordStatus.Record)
            {
                // Only the checksums.
            }
    }

    private static void ReadBytes(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var buffer = new byte[256 * 1024];
        while (file.Read(buffer) > 0)
        {
            // Only the bytes.
        }
    }

    private sealed class Sum : IEventSink
    {
        private double _sum;

        public long Count { get; private set; }

        public void Scalar(EventTag tag, long step, double wallTime, double value)
        {
            Count++;
            _sum += value + step + wallTime;
        }

        public void Tag(EventTag tag)
        {
        }

        public void Value(EventTag tag, long step, double wallTime, in EventValue value)
        {
        }

        public void HParams(string tag, double wallTime, ReadOnlySpan<byte> content)
        {
        }

        public void Restart(EventRestart kind, long step, double wallTime)
        {
        }

        public void Skipped(TfEventKind kind)
        {
        }

        public void Fault(EventFault fault) => throw new InvalidOperationException(fault.Message);
    }
}
