using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Lfs;

/// <summary>
/// Custom transfer agent of git-lfs: uploads by the resumable, parallel upload sessions of this project's client, downloads that go on where they ended. git-lfs starts several of these
/// side by side, checks each digest itself, and asks the server to verify each upload.
/// </summary>
internal sealed class LfsAgent(TextReader input, TextWriter output) : IDisposable
{
    private const int MaxLine = 1024 * 1024;
    private const int Failed = 1;
    private readonly AgentOutput _output = new(output);
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Dictionary<string, PilothouseClient> _clients = [];
    private string _remote = "origin";
    private string? _folder;

    public async Task RunAsync(CancellationToken ct)
    {
        while (await input.ReadLineAsync(ct) is { } line)
        {
            if (line.Length > MaxLine) throw new IOException("git-lfs sent a line that is too long.");
            var request = JsonSerializer.Deserialize<AgentRequest>(line, AgentOutput.Json) ?? throw new IOException("git-lfs sent null.");
            switch (request.Event)
            {
                case "init":
                    _remote = request.Remote ?? _remote;
                    _output.Write(new AgentReady(null));
                    break;
                case "upload" or "download":
                    await TransferAsync(request, ct);
                    break;
                case "terminate":
                    return;
            }
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        foreach (var client in _clients.Values) client.Dispose();
    }

    private async Task TransferAsync(AgentRequest request, CancellationToken ct)
    {
        var oid = request.Oid ?? "";
        try
        {
            var last = 0L;
            var gate = new Lock();
            var path = request.Event == "upload" ? await UploadAsync(request, Tell, ct) : await DownloadAsync(request, Tell, ct);
            _output.Write(new AgentComplete(oid, path, null));

            void Tell(long done)
            {
                lock (gate)
                {
                    if (done <= last) return;
                    _output.Write(new AgentProgress(oid, done, done - last));
                    last = done;
                }
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException or PilothouseApiException or UnauthorizedAccessException or InvalidOperationException)
        {
            _output.Write(new AgentComplete(oid, null, new AgentError(e is PilothouseApiException { Status: > 0 and var status } ? status : Failed, e.Message)));
        }
    }

    private async Task<string?> UploadAsync(AgentRequest request, Action<long> tell, CancellationToken ct)
    {
        if (request is not { Action.Href: { } href, Path: { } path }) throw new InvalidOperationException("git-lfs asked for an upload without an address: the server of this remote is not a Pilothouse.");
        var client = await ClientAsync(new Uri(href), ct);
        var options = new UploadOptions { Progress = new DirectProgress(tell), Project = ProjectOf(new Uri(href)) };
        await client.UploadFileAsync(path, Digest.Parse("sha256:" + request.Oid), options, ct);
        return null;
    }

    private async Task<string?> DownloadAsync(AgentRequest request, Action<long> tell, CancellationToken ct)
    {
        if (request is not { Action: { } action, Oid: { } oid }) throw new InvalidOperationException("git-lfs asked for a download without an address: the server of this remote is not a Pilothouse.");
        _folder ??= await TemporaryFolderAsync(ct);
        return await new AgentDownload(_http, _folder).RunAsync(oid, request.Size, action, tell, ct);
    }

    /// <summary>Logged in as git is: PILOTHOUSE_TOKEN, else what git's credential helpers know for the remote.</summary>
    private async Task<PilothouseClient> ClientAsync(Uri href, CancellationToken ct)
    {
        var root = href.GetLeftPart(UriPartial.Authority);
        if (_clients.TryGetValue(root, out var known)) return known;
        var token = Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN");
        if (string.IsNullOrEmpty(token)) token = await NeedsLoginAsync(root, ct) ? await PasswordAsync(root, ct) : null;
        return _clients[root] = new PilothouseClient(new Uri(root), token);
    }

    private async Task<bool> NeedsLoginAsync(string root, CancellationToken ct)
    {
        using var response = await _http.GetAsync(new Uri(new Uri(root), "/api/v1/whoami"), ct);
        return response.StatusCode == System.Net.HttpStatusCode.Unauthorized;
    }

    private async Task<string?> PasswordAsync(string root, CancellationToken ct)
    {
        // A remote's address may carry the login; git hands it back.
        var url = await LocalGit.TryAsync(null, ct, "remote", "get-url", _remote) ?? _remote;
        var asked = Uri.TryCreate(url, UriKind.Absolute, out var remote) && remote.GetLeftPart(UriPartial.Authority) is var own && new Uri(own).Authority == new Uri(root).Authority ? url : root;
        var answer = await LocalGit.TryAsync($"url={asked}\n\n", ct, "credential", "fill");
        var password = answer?.Split('\n').FirstOrDefault(l => l.StartsWith("password=", StringComparison.Ordinal))?["password=".Length..];
        return password ?? throw new InvalidOperationException($"{root} needs a login. Set PILOTHOUSE_TOKEN, or give git one: git credential approve");
    }

    /// <summary>git-lfs moves the finished file from here, so it lies on the same file system.</summary>
    private static async Task<string> TemporaryFolderAsync(CancellationToken ct)
    {
        var git = Path.GetFullPath(await LocalGit.TryAsync(null, ct, "rev-parse", "--git-common-dir") ?? throw new InvalidOperationException("This is not a Git repository."));
        var storage = await LocalGit.TryAsync(null, ct, "config", "--get", "lfs.storage");
        return Path.Combine(git, string.IsNullOrEmpty(storage) ? "lfs" : storage, "tmp");
    }

    // /git/PROJECT.git/info/lfs/objects/OID
    private static string? ProjectOf(Uri href) => href.AbsolutePath.Split('/') is [_, "git", var name, ..] && name.EndsWith(".git", StringComparison.Ordinal) ? name[..^4] : null;

    /// <summary>Progress on the thread that made it, not later.</summary>
    private sealed class DirectProgress(Action<long> tell) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value) => tell(value.Done);
    }
}
