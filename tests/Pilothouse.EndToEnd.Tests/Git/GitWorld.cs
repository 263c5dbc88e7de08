using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>A server, a folder to work in, and stock git with git-lfs.</summary>
internal sealed class GitWorld : IAsyncDisposable
{
    public const string AdminToken = "an-admin-token-for-tests-only";

    private static readonly string[] LfsFilter =
    [
        "-c", "filter.lfs.clean=git-lfs clean -- %f", "-c", "filter.lfs.smudge=git-lfs smudge -- %f", "-c", "filter.lfs.process=git-lfs filter-process", "-c", "filter.lfs.required=true",
    ];

    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("pilothouse-git-");
    private readonly Dictionary<string, string> _tokens = [];

    private GitWorld(TestServer server) => Server = server;

    public TestServer Server { get; }

    public string Folder => _work.FullName;

    /// <param name="login">True = every call needs a token.</param>
    public static async Task<GitWorld> StartAsync(string database = "sqlite", bool login = false, TimeProvider? time = null, Action<WebApplication>? map = null, Dictionary<string, string?>? options = null,
        Action<IServiceCollection>? services = null)
    {
        Assert.SkipUnless(Shell.Has("git") && Shell.Has("git-lfs"), "git and git-lfs are not installed.");
        var server = await TestServer.StartAsync(database, builder =>
        {
            services?.Invoke(builder.Services);
            if (time is not null) builder.Services.AddSingleton(time);
            if (options is not null) builder.Configuration.AddInMemoryCollection(options);
            if (login) builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Identity:AdminToken"] = AdminToken });
        }, map);
        if (login) server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminToken);
        await server.Client.CreateProjectAsync("shop", default);
        return new GitWorld(server);
    }

    /// <summary>Makes a login.</summary>
    public async Task<string> TokenAsync(string name, string role)
    {
        using var response = await Server.Http.PostAsJsonAsync("api/v1/tokens", new NewToken(name, role), PilothouseClient.Json);
        return _tokens[name] = (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<CreatedToken>(PilothouseClient.Json))!.Token;
    }

    /// <param name="user">One made by <see cref="TokenAsync"/>; null = without a login.</param>
    public string Url(string project = "shop", string? user = null)
    {
        var url = new UriBuilder(new Uri(Server.Url, $"/git/{project}.git"));
        if (user is not null) (url.UserName, url.Password) = (user, _tokens[user]);
        return url.Uri.AbsoluteUri;
    }

    public string PathOf(params string[] parts) => Path.Combine([Folder, .. parts]);

    /// <summary>A repository in a folder of that name, with LFS for *.bin.</summary>
    public async Task InitAsync(string name, string remote)
    {
        Directory.CreateDirectory(PathOf(name));
        (await GitAsync(name, "init", "-q", "-b", "main")).Succeeded();
        (await GitAsync(name, "remote", "add", "origin", remote)).Succeeded();
        await UseLfsAsync(name);
        await WriteAsync(name, ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"u8.ToArray());
    }

    /// <summary>Hooks and filters of git-lfs for a repository.</summary>
    public async Task UseLfsAsync(string name) => (await GitAsync(name, "lfs", "install", "--local")).Succeeded();

    public async Task WriteAsync(string name, string file, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name, file))!);
        await File.WriteAllBytesAsync(PathOf(name, file), content);
    }

    public async Task<string> CommitAsync(string name, string message)
    {
        (await GitAsync(name, "add", "-A")).Succeeded();
        (await GitAsync(name, "commit", "-q", "-m", message)).Succeeded();
        return (await GitAsync(name, "rev-parse", "HEAD")).Output.Trim();
    }

    public Task<Shell.Outcome> CloneAsync(string url, string name) => Shell.RunAsync(Folder, "git", [.. LfsFilter, "clone", "-q", url, name]);

    public Task<Shell.Outcome> GitAsync(string name, params string[] arguments) => Shell.RunAsync(PathOf(name), "git", arguments);

    public Task<byte[]> ReadAsync(string name, string file) => File.ReadAllBytesAsync(PathOf(name, file));

    public static byte[] Noise(int bytes, int seed)
    {
        var content = new byte[bytes];
        new Random(seed).NextBytes(content);
        return content;
    }

    public static string Oid(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _work.Delete(recursive: true);
    }
}
