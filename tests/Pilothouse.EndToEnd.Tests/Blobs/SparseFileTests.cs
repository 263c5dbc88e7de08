using System.Diagnostics;
using System.Globalization;
using Pilothouse.Client.Uploads;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Blobs;

/// <summary>Files far larger than memory: nothing is buffered whole, sizes do not fit 32 bits, holes take no room.</summary>
public sealed class SparseFileTests
{
    /// <summary>By hand: <c>PILOTHOUSE_SPARSE_GB=100</c>.</summary>
    private static long Size => int.TryParse(Environment.GetEnvironmentVariable("PILOTHOUSE_SPARSE_GB"), NumberStyles.None, CultureInfo.InvariantCulture, out var gb) ? gb * 1_000_000_000L : (1L << 32) + 5_000_000;

    [Fact]
    public async Task A_huge_file_goes_through_in_little_memory()
    {
        var data = Directory.CreateTempSubdirectory("pilothouse-sparse-");
        try
        {
            var path = Path.Combine(data.FullName, "huge.bin");
            await using (var file = File.Create(path))
            {
                file.SetLength(Size);
                foreach (var at in (long[])[0, Size / 2, Size - 10])
                {
                    file.Position = at;
                    file.Write("pilothouse"u8);
                }
            }
            await using var server = await ServerProcess.StartAsync(Path.Combine(data.FullName, "data"));
            var (most, started) = (0L, Stopwatch.StartNew());
            var progress = new Watch(() => most = Math.Max(most, Process.GetProcessById(server.Id).WorkingSet64));
            var uploaded = await server.Client.UploadFileAsync(path, null, new UploadOptions { Progress = progress, Connections = 2 }, default);

            using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/blobs/{uploaded.Digest}") { Headers = { Range = new System.Net.Http.Headers.RangeHeaderValue(Size - 10, null) } };
            using var range = await server.Client.Http.SendAsync(request);
            Assert.Equal("pilothouse", await range.Content.ReadAsStringAsync());
            Assert.Equal(Size, range.Content.Headers.ContentRange!.Length);
            Assert.InRange(most, 1, 500_000_000);
            var du = (await Shell.RunAsync(data.FullName, "du", "-s", "-B", "1", Path.Combine(data.FullName, "data", "blobs"))).Succeeded();
            Assert.InRange(long.Parse(du.Split('\t')[0], CultureInfo.InvariantCulture), 1, 20_000_000);
            TestContext.Current.SendDiagnosticMessage($"{Size / 1e9:0.0} GB in {started.Elapsed.TotalSeconds:0} s, server at most {most / 1e6:0} MB");
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private sealed class Watch(Action act) : IProgress<UploadProgress>
    {
        private readonly Lock _lock = new();

        public void Report(UploadProgress value)
        {
            lock (_lock) act();
        }
    }
}
