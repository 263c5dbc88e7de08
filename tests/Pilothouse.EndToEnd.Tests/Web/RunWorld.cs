using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking;
using Pilothouse.Server.Modules.Tracking.Media;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>One run that has everything a run's page shows, some of it hostile; seeded through the API where clients use one.</summary>
internal sealed class RunWorld(TestServer server, string experiment)
{
    /// <summary>Put into every place where a person's text is shown; a page on which it ran has <c>window.pwned</c>.</summary>
    public const string Script = "<script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\">";

    public const string HostileName = "evil/<img src=x onerror=window.pwned=1>.txt";

    private string _run = "";

    /// <returns>Id of the run, which is still under way.</returns>
    public async Task<string> SeedAsync()
    {
        var sweep = await PostAsync("runs/create", new { experiment_id = experiment, start_time = SampleWorld.Ago(5000), run_name = "sweep" });
        var parent = sweep.GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
        List<object> tags =
        [
            new { key = "mlflow.source.git.commit", value = SampleWorld.Commit }, new { key = "mlflow.source.git.branch", value = "main" }, new { key = "mlflow.source.git.repoURL", value = "https://git.example/lm.git" },
            new { key = "pilothouse.command", value = "python train.py --config configs/small.yaml --seed 7" }, new { key = "pilothouse.host", value = "gpu-04" }, new { key = "team", value = "search" }, new { key = "evil", value = Script },
            new { key = "mlflow.note.content", value = $"## Second attempt\n\nWarm-up of **500 steps**; see [the report](report.md) and [nothing](javascript:window.pwned=1).\n\n{Script}\n\n| seed | loss |\n|---|---|\n| 7 | 0.21 |\n" },
        ];
        tags.Add(new { key = "mlflow.parentRunId", value = parent });
        var run = await PostAsync("runs/create", new { experiment_id = experiment, start_time = SampleWorld.Ago(4000), run_name = "small-lm-7", user_id = "maria", tags });
        _run = run.GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
        await MetricsAsync();
        await ArtifactsAsync();
        await LogsAsync();
        await MediaAsync();
        return _run;
    }

    /// <summary>A run with many metrics, one point each.</summary>
    public static async Task<string> ManyMetricsAsync(TestServer server, string experiment, int count)
    {
        var world = new RunWorld(server, experiment);
        var run = await world.PostAsync("runs/create", new { experiment_id = experiment, start_time = SampleWorld.Ago(4000), run_name = "many" });
        var id = run.GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
        for (var step = 0; step < 5; step++)
            await world.PostAsync("runs/log-batch", new { run_id = id, metrics = Enumerable.Range(0, count).Select(i => new { key = $"layer{i / 50:00}/metric{i % 50:00}", value = Math.Sin(i + step), timestamp = SampleWorld.Ago(100 - step), step }) });
        await world.PostAsync("runs/update", new { run_id = id, status = "FINISHED", end_time = SampleWorld.Ago(50) });
        foreach (var (verdict, summary, repeated) in ((string, string, string?)[])[
            (ReproductionVerdicts.Reproduced, "5,000 points of 1000 metrics are the same to the bit.", id), (ReproductionVerdicts.Differs, $"loss first differs at step 3: 0.25 was recorded, 0.26 came out. {Script}", id),
            (ReproductionVerdicts.Cannot, "It cannot be repeated: content sha256:0f31: data/train.bin, and 2 more.", null)])
            await server.Client.AddReproductionAsync(new NewReproduction("run", id, verdict, summary, repeated, new ReproductionReport()), default);
        return id;
    }

    private async Task MetricsAsync()
    {
        var random = new Random(7);
        var metrics = new List<object>();
        void Add(string key, int step, double value) => metrics.Add(new { key, value, timestamp = SampleWorld.Ago(4000 - (step * 8)), step });
        for (var step = 0; step < 300; step++)
        {
            Add("train/loss", step, 2.8 * Math.Exp(-step / 60.0) + 0.2 + random.NextDouble() * 0.15);
            Add("train/lr", step, 0.001 * Math.Min(1, step / 50.0) * Math.Cos(step / 300.0));
            Add("grad_norm", step, 1 + random.NextDouble() * (step == 140 ? 40 : 1));
            if (step % 10 == 0) foreach (var (key, top) in (ReadOnlySpan<(string, double)>)[("eval/loss", -0.3), ("eval/accuracy", 0.93), ("eval/f1/macro", 0.88)]) Add(key, step, top < 0 ? 2.5 * Math.Exp(-step / 50.0) + 0.3 : top - 0.6 * Math.Exp(-step / 40.0) + random.NextDouble() * 0.02);
            if (step % 5 == 0) foreach (var key in (string[])["system/cpu_utilization_percentage", "system/system_memory_usage_megabytes", "system/gpu_0_utilization_percentage", "system/disk_usage_megabytes"]) Add(key, step, 40 + random.NextDouble() * 30);
        }
        foreach (var chunk in metrics.Chunk(900)) await PostAsync("runs/log-batch", new { run_id = _run, metrics = chunk });
        await PostAsync("runs/log-batch", new { run_id = _run, @params = Enumerable.Range(0, 14).Select(i => new { key = (string[])["lr", "seed", "batch_size", "optimizer", "warmup", "layers", "heads", "d_model", "dropout", "vocab", "tokenizer", "precision", "clip", "schedule"] is var names ? names[i] : "", value = i == 3 ? "adamw" : i == 10 ? Script : (i * 3).ToString(CultureInfo.InvariantCulture) }) });
    }

    private async Task ArtifactsAsync()
    {
        await PutAsync("report.md", $"# Report\n\nLoss went down. ![curve](plots/curve.svg) ![elsewhere](https://tracker.example/x.png)\n\n{Script}\n\n[run it](javascript:window.pwned=1) <javascript:window.pwned=1>\n\n* [x] trained\n* [ ] shipped\n\n```\npython train.py\n```\n");
        await PutAsync("config.json", "{\"model\":{\"layers\":6,\"heads\":8,\"name\":\"" + Script.Replace("\"", "\\\"", StringComparison.Ordinal) + "\"},\"data\":[\"a.jsonl\",\"b.jsonl\"],\"seed\":7,\"bf16\":true,\"resume\":null}");
        await PutAsync("predictions.csv", "id,prompt,answer,score\n" + string.Concat(Enumerable.Range(0, 250).Select(i => $"{i},\"Where is order {i}, please?\",{(i == 3 ? "\"" + Script.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"" : "On its way")},{(i % 97 / 97.0).ToString("0.000", CultureInfo.InvariantCulture)}\n")));
        await PutAsync("rows.jsonl", "{\"prompt\":\"Hi\",\"tokens\":12}\n{\"prompt\":\"Bye\",\"tokens\":9,\"tags\":[\"a\"]}\n");
        await PutAsync("page.html", $"<html><body>{Script}</body></html>");
        await PutAsync(HostileName, Script);
        await PutAsync("plots/curve.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 40\" width=\"400\" height=\"160\" onload=\"window.pwned=1\"><script>window.pwned=1</script><path d=\"M0 5L20 22L60 30L100 33\" fill=\"none\" stroke=\"#0a6cc9\" stroke-width=\"2\"/></svg>");
        await PutAsync("plots/grid.png", Png(64, 48, 3));
        await PutAsync("source/diff.patch", "diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -12,3 +12,3 @@\n-lr = 1e-3\n+lr = 3e-4\n print(lr)\n");
        await PutAsync("source/environment.json", "{\"python\":\"3.13.5\",\"packages\":{\"torch\":\"2.9.0\",\"numpy\":\"2.3.1\"},\"cpu\":\"32 cores\"}");
        await PutAsync("rows.parquet", await ParquetPreviewTests.SampleAsync(300));
        await PutAsync("sound.wav", Wav());
        await PutAsync("weights.bin", Enumerable.Range(0, 600).Select(i => (byte)(i * 7)).ToArray());
        await PutAsync("broken.safetensors", [.. BitConverter.GetBytes(ulong.MaxValue), .. "{}"u8]);
        foreach (var (name, path) in ((string, string)[])[("model/model.safetensors", "assistant-v1/model.safetensors"), ("model/model.onnx", "triage-v1/model.onnx")])
            await PutAsync(name, await File.ReadAllBytesAsync(Path.Combine(RepoRoot.Path, "samples", "support-assistant", "models", path)));
        await PutAsync("events.out.tfevents.1700000000.host", [.. new byte[64]]);
    }

    private async Task LogsAsync()
    {
        var text = new StringBuilder("\e[1mtraining\e[0m on gpu-04\n");
        for (var i = 0; i < 400; i++) text.Append(CultureInfo.InvariantCulture, $"step {i,4} \e[36mloss\e[0m {2.8 * Math.Exp(-i / 60.0):0.0000} \e[{(i % 50 == 49 ? "33mslow step" : "2mok")}\e[0m\n");
        text.Append("10%\r50%\r100% done\n\e]0;title\a\e]8;;javascript:window.pwned=1\a link\e]8;;\a " + Script + "\n\e[31;1merror:\e[0m nothing, really\n");
        await LogAsync("stdout", 0, text.ToString());
        await LogAsync("stderr", 0, "\e[38;5;208mwarning\e[0m: low disk\n");
    }

    /// <summary>A piece of a log, as the capture sends it.</summary>
    public async Task LogAsync(string stream, long offset, string text, string? run = null)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(text));
        using var response = await server.Http.PostAsync($"/api/v1/runs/{run ?? _run}/logs/{stream}?offset={offset}", content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private async Task MediaAsync()
    {
        for (var i = 0; i < 40; i++)
        {
            var bins = Enumerable.Range(0, 30).SelectMany(b => new[] { -3 + b * 0.2, -2.8 + b * 0.2, Math.Round(1000 * Math.Exp(-Math.Pow((-2.9 + b * 0.2 - i * 0.03) / (0.4 + i * 0.02), 2))) }).ToArray();
            await PointAsync(MediaPayload.Histogram, "layer0/weights", i * 25, MediaPayload.OfNumbers(bins));
            await PointAsync(MediaPayload.Histogram, "layer0/gradients", i * 25, MediaPayload.OfNumbers([.. bins.Select((v, k) => k % 3 == 2 ? v : v / (1 + i * 0.2))]));
        }
        var blobs = server.Service<IBlobStore>();
        for (var i = 0; i < 6; i++)
        {
            var files = new List<MediaPayload.StoredFile>();
            for (var k = 0; k < 4; k++)
            {
                var png = Png(32, 32, i * 4 + k);
                files.Add(new MediaPayload.StoredFile("image/png", (await blobs.PutAsync(png, default)).Digest, png.Length, null));
            }
            await PointAsync(MediaPayload.Image, "samples", i * 100, MediaPayload.OfJson(new MediaPayload.Files(32, 32, files)));
            await PointAsync(MediaPayload.Text, "generated", i * 100, MediaPayload.OfJson(new MediaPayload.Texts([], [$"**step {i * 100}**: the ship left the harbour at {i} o'clock. {Script}"])));
            var wav = Wav();
            await PointAsync(MediaPayload.Audio, "speech", i * 100, MediaPayload.OfJson(new MediaPayload.Files(0, 0, [new MediaPayload.StoredFile("audio/wav", (await blobs.PutAsync(wav, default)).Digest, wav.Length, "clip")])));
            double[] recall = [.. Enumerable.Range(0, 21).Select(t => 1 - t / 20.0)], precision = [.. Enumerable.Range(0, 21).Select(t => Math.Min(1, 0.4 + t / 20.0 * (0.4 + i * 0.04)))];
            double[] tp = [.. recall.Select(r => Math.Round(r * 100))], fp = [.. tp.Zip(precision, (t, p) => Math.Round(t * (1 - p) / p))], fn = [.. tp.Select(t => 100 - t)], tn = [.. fp.Select(f => 300 - f)];
            await PointAsync(MediaPayload.PrCurve, "refund", i * 100, MediaPayload.OfNumbers([.. tp, .. fp, .. tn, .. fn, .. precision, .. recall]));
        }
    }

    private async Task PointAsync(string kind, string key, long step, byte[] payload)
    {
        var point = await server.Service<MediaService>().PointAsync(step, SampleWorld.Ago(3000) + step, payload, default);
        await server.Service<Db>().WriteAsync(async session =>
        {
            var run = await RunStore.RequireActiveAsync(session, _run);
            var series = await MediaStore.EnsureSeriesAsync(session, run.Num, new MediaSeriesRow { Kind = kind, Key = key });
            await MediaStore.AppendAsync(session, [(series, point)]);
        }, default);
    }

    private Task PutAsync(string path, string text) => PutAsync(path, Encoding.UTF8.GetBytes(text));

    private async Task PutAsync(string path, byte[] bytes)
    {
        using var content = new ByteArrayContent(bytes);
        var address = string.Join('/', $"{experiment}/{_run}/artifacts/{path}".Split('/').Select(Uri.EscapeDataString));
        using var response = await server.Http.PutAsync("/api/2.0/mlflow-artifacts/artifacts/" + address, content);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {await response.Content.ReadAsStringAsync()}");
    }

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using var response = await server.Http.PostAsJsonAsync("/api/2.0/mlflow/" + path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>A small picture: a coloured wave.</summary>
    private static byte[] Png(int width, int height, int seed)
    {
        var rows = new MemoryStream();
        using (var zlib = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                for (var x = 0; x < width; x++) zlib.Write([(byte)(x * 255 / width), (byte)(128 + 100 * Math.Sin((x + seed * 5) / 6.0)), (byte)(y * 255 / height)]);
            }
        }
        var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        void Chunk(string type, byte[] data)
        {
            var head = new byte[8];
            BinaryPrimitives.WriteInt32BigEndian(head, data.Length);
            Encoding.ASCII.GetBytes(type, head.AsSpan(4));
            png.Write(head);
            png.Write(data);
            var crc = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32([.. head[4..], .. data]));
            png.Write(crc);
        }
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        Chunk("IHDR", header);
        Chunk("IDAT", rows.ToArray());
        Chunk("IEND", []);
        return png.ToArray();
    }

    private static uint Crc32(byte[] data)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in data)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++) crc = (crc & 1) != 0 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
        }
        return ~crc;
    }

    /// <summary>A tenth of a second of 440 Hz.</summary>
    private static byte[] Wav()
    {
        const int rate = 8000;
        var samples = Enumerable.Range(0, rate / 10).Select(i => (byte)(128 + 100 * Math.Sin(2 * Math.PI * 440 * i / rate))).ToArray();
        var wav = new MemoryStream();
        using var writer = new BinaryWriter(wav);
        writer.Write("RIFF"u8);
        writer.Write(36 + samples.Length);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(rate);
        writer.Write(rate);
        writer.Write((short)1);
        writer.Write((short)8);
        writer.Write("data"u8);
        writer.Write(samples.Length);
        writer.Write(samples);
        return wav.ToArray();
    }
}
