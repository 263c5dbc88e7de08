using System.Net;
using System.Net.Sockets;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Serve;

/// <summary>The real executable in the situations in which servers fail to start: one line that says what is wrong and what to do, exit code 2.</summary>
public sealed class StartupTests : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("pilothouse-start-");

    public void Dispose() => _data.Delete(recursive: true);

    [Fact]
    public async Task A_data_directory_in_use_is_refused()
    {
        await using var first = await ServerProcess.StartAsync(_data.FullName);

        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--data", _data.FullName, "--urls", "http://127.0.0.1:0"]);

        Assert.Equal(2, exitCode);
        Assert.Contains("is in use by another Pilothouse server", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--data", _data.FullName, "--urls", $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"]);

        Assert.Equal(2, exitCode);
        Assert.Contains("choose another port", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://*:0")]
    public async Task An_address_others_can_reach_needs_authentication(string url)
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--data", _data.FullName, "--urls", url]);

        Assert.Equal(2, exitCode);
        Assert.Contains("no authentication is configured", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_short_admin_token_is_refused_with_the_key_of_the_option()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--data", _data.FullName, "--urls", "http://127.0.0.1:0"], new Dictionary<string, string> { ["PILOTHOUSE_Identity__AdminToken"] = "short" });

        Assert.Equal(2, exitCode);
        Assert.Contains("Identity:AdminToken", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_an_admin_token_every_call_needs_a_login_and_tokens_have_roles()
    {
        const string Secret = "a-secret-of-thirty-characters!";
        await using var server = await ServerProcess.StartAsync(_data.FullName, new Dictionary<string, string> { ["PILOTHOUSE_Identity__AdminToken"] = Secret, ["PILOTHOUSE_TOKEN"] = Secret });
        using var anonymous = new HttpClient { BaseAddress = server.Url };

        Assert.Equal(HttpStatusCode.OK, (await anonymous.GetAsync("health")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await anonymous.GetAsync("api/v1/projects")).StatusCode);
        Assert.Equal("admin", (await server.Client.WhoAmIAsync(default)).Role);
        var reader = await server.Client.CreateTokenAsync(new Protocols.V1.NewToken("auditor", "reader"), default);
        using var auditor = new Client.PilothouseClient(server.Url, reader.Token);
        Assert.Empty(await auditor.ListProjectsAsync(default));
        var refused = await Assert.ThrowsAsync<Client.PilothouseApiException>(() => auditor.CreateProjectAsync("shop", default));
        Assert.Equal("PERMISSION_DENIED", refused.Code);
    }

    [Fact]
    public async Task A_full_disk_refuses_a_blob_whole_and_the_server_stays_up()
    {
        Assert.SkipUnless(Environment.UserName == "root" && Shell.Has("mount"), "A small file system can only be mounted by root.");
        var disk = _data.CreateSubdirectory("disk").FullName;
        var mounted = await Shell.RunAsync("/", "mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk);
        Assert.SkipUnless(mounted.ExitCode == 0, "This machine does not allow mounting a tmpfs: " + mounted.Error);
        try
        {
            await using (var server = await ServerProcess.StartAsync(disk))
            {
                using var response = await server.Client.Http.PostAsync("api/v1/blobs", new ByteArrayContent(new byte[32 * 1024 * 1024]));

                Assert.Equal(507, (int)response.StatusCode);
                Assert.Contains("STORAGE_FULL", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
                Assert.Empty(Directory.EnumerateFiles(Path.Combine(disk, "tmp")));
                using var small = await server.Client.Http.PostAsync("api/v1/blobs", new ByteArrayContent(new byte[1024]));
                Assert.Equal(HttpStatusCode.Created, small.StatusCode);
            }
        }
        finally
        {
            await Shell.RunAsync("/", "umount", disk);
        }
    }
}
