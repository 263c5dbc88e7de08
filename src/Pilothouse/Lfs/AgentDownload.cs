using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Pilothouse.Protocols.Lfs;

namespace Pilothouse.Lfs;

/// <summary>Fetches one object into a file of git-lfs' temporary folder. What has arrived stays there when the connection, or this process, ends: the next try goes on behind it.</summary>
internal sealed class AgentDownload(HttpClient http, string folder)
{
    /// <summary>Tries in a row that bring nothing.</summary>
    private const int MaxIdleTries = 6;
    private const int BufferSize = 1024 * 1024;

    /// <param name="progress">Told how many bytes are there.</param>
    /// <returns>Path of the whole, verified file.</returns>
    /// <exception cref="IOException">It cannot be had, or is not the object that was asked for.</exception>
    public async Task<string> RunAsync(string oid, long size, LfsAction action, Action<long> progress, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"pilothouse-{oid}.part");
        await using (var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, useAsync: true))
        {
            if (file.Length > size) file.SetLength(0);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var done = await HashAsync(file, hash, ct);
            for (var idle = 0; done < size;)
            {
                var before = done;
                try
                {
                    done = await AppendAsync(file, hash, done, size, action, progress, ct);
                }
                catch (Exception e) when (e is HttpRequestException or IOException && file.Position >= before)
                {
                    done = file.Position;
                    idle = done > before ? 0 : idle + 1;
                    if (idle >= MaxIdleTries || e is HttpRequestException { StatusCode: { } status } && (int)status is >= 400 and < 500) throw new IOException($"Object {oid} cannot be fetched: {e.Message}", e);
                    await Task.Delay(TimeSpan.FromMilliseconds(200 << idle), ct);
                }
            }
            progress(done);
            if (Convert.ToHexStringLower(hash.GetHashAndReset()) == oid) return path;
        }
        File.Delete(path);
        throw new IOException($"What arrived for object {oid} has another digest. It was not kept; try again.");
    }

    private async Task<long> AppendAsync(FileStream file, IncrementalHash hash, long done, long size, LfsAction action, Action<long> progress, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, action.Href);
        foreach (var (name, value) in action.Header ?? new Dictionary<string, string>()) request.Headers.TryAddWithoutValidation(name, value);
        if (done > 0) request.Headers.Range = new RangeHeaderValue(done, null);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"the server answered {(int)response.StatusCode} {response.ReasonPhrase}", null, response.StatusCode);
        if (done > 0 && (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != done)) throw new HttpRequestException("the server does not go on where the download ended", null, HttpStatusCode.RequestedRangeNotSatisfiable);
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        var buffer = new byte[BufferSize];
        for (int read; (read = await body.ReadAsync(buffer, ct)) > 0;)
        {
            if (done + read > size) throw new HttpRequestException($"the object is longer than {size} bytes", null, HttpStatusCode.RequestedRangeNotSatisfiable);
            await file.WriteAsync(buffer.AsMemory(0, read), ct);
            hash.AppendData(buffer, 0, read);
            done += read;
            progress(done);
        }
        return done;
    }

    /// <summary>What an earlier try left counts for the digest too.</summary>
    private static async Task<long> HashAsync(FileStream file, IncrementalHash hash, CancellationToken ct)
    {
        var buffer = new byte[BufferSize];
        for (int read; (read = await file.ReadAsync(buffer, ct)) > 0;) hash.AppendData(buffer, 0, read);
        return file.Position;
    }
}
