using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;

namespace Pilothouse.Bench;

/// <summary>One large upload; the limit is SHA-256 alone over the same bytes in memory.</summary>
internal static class BlobPutVerb
{
    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var chunk = new byte[16 * 1024 * 1024];
        var random = new Random(1);
        random.NextBytes(chunk);
        var megabytes = options.Megabytes / 16 * 16;

        var hash = Stopwatch.StartNew();
        using (var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
        {
            for (var i = 0; i < megabytes; i += 16) sha.AppendData(chunk);
            sha.GetHashAndReset();
        }
        hash.Stop();

        var put = Stopwatch.StartNew();
        using var response = await server.Http.PostAsync("api/v1/blobs", new RepeatedContent(chunk, megabytes / 16));
        var digest = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("digest").GetString();
        put.Stop();

        var again = Stopwatch.StartNew();
        using var head = await server.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"api/v1/blobs/{digest}"));
        again.Stop();

        var get = Stopwatch.StartNew();
        await using (var content = await server.Http.GetStreamAsync($"api/v1/blobs/{digest}")) await content.CopyToAsync(Stream.Null);
        get.Stop();

        Load.Row($"put of {megabytes} MiB (fsynced), seconds / MiB/s", $"{put.Elapsed.TotalSeconds:0.00} / {megabytes / put.Elapsed.TotalSeconds:N0}");
        Load.Row("get, seconds / MiB/s", $"{get.Elapsed.TotalSeconds:0.00} / {megabytes / get.Elapsed.TotalSeconds:N0}");
        Load.Row("is it there already (HEAD), ms", $"{again.Elapsed.TotalMilliseconds:0.0}");
        Load.Row("limit: SHA-256 in memory, seconds / MiB/s", $"{hash.Elapsed.TotalSeconds:0.00} / {megabytes / hash.Elapsed.TotalSeconds:N0}");
        Load.Row("put over the limit", $"{put.Elapsed / hash.Elapsed:0.0}x");
    }

    private sealed class RepeatedContent(byte[] chunk, int times) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            for (var i = 0; i < times; i++) await stream.WriteAsync(chunk);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = (long)chunk.Length * times;
            return true;
        }
    }
}
