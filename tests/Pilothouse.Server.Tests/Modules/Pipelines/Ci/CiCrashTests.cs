using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>Servers that die between the move of a branch and the start of what it starts.</summary>
public sealed class CiCrashTests : CiTestBase
{
    [Theory, DatabaseData]
    public async Task A_push_that_a_server_had_in_hand_when_it_died_starts_its_build_once(string kind)
    {
        var dying = new Dying();
        var server = await ServerAsync(kind, builder => Replace(builder, dying));
        await ConnectAsync(server);
        var commit = await StatusTests.PushAsync(server, "p");
        await dying.Told.Task;
        Assert.Empty(await BuildsAsync(server));

        server = await server.RestartAsync(Customize);
        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Count > 0);
        server = await server.RestartAsync(Customize);
        await using var last = server;
        var second = await StatusTests.PushAsync(server, "p");

        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Any(b => b.Commit == second));
        Assert.Equal([second, commit], (await BuildsAsync(server)).Select(b => b.Commit));
    }

    [Theory, DatabaseData]
    public async Task A_push_whose_server_died_after_git_had_moved_the_branch_starts_its_build(string kind)
    {
        var server = await ServerAsync(kind);
        await ConnectAsync(server);
        var commit = await StatusTests.PushAsync(server, "p", "-o", "ci.skip");
        await server.Service<PushStore>().BeginAsync(new PendingPush("0", "p", "ann", [new RefUpdate("refs/heads/main", new string('0', 40), commit)], [], 0), default);
        Assert.Empty(await BuildsAsync(server));

        await using var next = await server.RestartAsync(Customize);

        await Eventually.TrueAsync(async () => (await BuildsAsync(next)).Count > 0);
        Assert.Equal((commit, "push", "main"), (await BuildsAsync(next)).Select(b => (b.Commit, b.Cause, b.Ref)).Single());
    }

    [Theory, DatabaseData]
    public async Task A_new_version_of_a_data_set_starts_a_build_and_one_whose_server_died_is_made_up_for(string kind)
    {
        var server = await ServerAsync(kind);
        await server.Client.ConnectCiAsync("p", "c", new NewCiConnection("jenkins", "faq", "token", Ci.Url, "ann") { OnRegistry = true }, default);
        var content = await server.Service<IBlobStore>().PutAsync("{\"a\":1}\n"u8.ToArray(), default);
        await server.Client.RegisterDatasetAsync("faq", new NewDatasetVersion { Files = [new("data.jsonl", content.Digest, content.Size)] }, default);
        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Count == 1);

        // The same content again is no new version, and a restart alone brings none.
        await server.Client.RegisterDatasetAsync("faq", new NewDatasetVersion { Files = [new("data.jsonl", content.Digest, content.Size)] }, default);
        server = await server.RestartAsync(Customize);
        Assert.Single(await BuildsAsync(server));

        // A version of which nobody was told.
        await server.Service<Db>().WriteAsync(s => s.ExecuteAsync("UPDATE reg_object SET latest_version = latest_version + 1 WHERE name = 'faq'"), default);
        await using var next = await server.RestartAsync(Customize);
        await Eventually.TrueAsync(async () => (await BuildsAsync(next)).Count == 2);
        Assert.All(await BuildsAsync(next), b => Assert.Equal("registry", b.Cause));
    }

    [Fact]
    public async Task A_subscriber_that_fails_is_told_again_and_one_that_was_told_twice_starts_one_build()
    {
        await using var server = await ServerAsync("sqlite");
        await ConnectAsync(server);
        var push = new RepositoryPushed("p", "ann", [new RefUpdate("refs/heads/main", new string('0', 40), new string('1', 40))], [], null);
        foreach (var subscriber in server.Services.GetServices<IPushSubscriber>().Where(s => s.Subscriber == "ci"))
        {
            await subscriber.PushedAsync("1", push, default);
            await subscriber.PushedAsync("1", push, default);
            await subscriber.PushedAsync("2", push, default);
        }
        Assert.Equal(2, (await BuildsAsync(server)).Count);

        var failing = new Failing();
        await using var other = await ServerAsync("sqlite", builder => Replace(builder, failing));
        await StatusTests.PushAsync(other, "p");
        await Eventually.TrueAsync(() =>
        {
            Time.Advance(TimeSpan.FromSeconds(30));
            return Task.FromResult(failing.Ids.Count == 2);
        });
        Assert.Equal(failing.Ids[0], failing.Ids[1]);
    }

    private Task<CiConnection> ConnectAsync(TestServer server) => server.Client.ConnectCiAsync("p", "c", new NewCiConnection("jenkins", "faq", "token", Ci.Url, "ann"), default);

    private static void Replace(WebApplicationBuilder builder, IPushSubscriber subscriber)
    {
        builder.Services.RemoveAll<IPushSubscriber>();
        builder.Services.AddSingleton(subscriber);
    }

    /// <summary>Never comes to an end: what is left behind is what a kill leaves.</summary>
    private sealed class Dying : IPushSubscriber
    {
        public string Subscriber => "ci";

        public TaskCompletionSource Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task PushedAsync(string id, RepositoryPushed push, CancellationToken ct)
        {
            Told.TrySetResult();
            await Task.Delay(Timeout.Infinite, ct);
        }
    }

    private sealed class Failing : IPushSubscriber
    {
        public string Subscriber => "ci";

        public List<string> Ids { get; } = [];

        public Task PushedAsync(string id, RepositoryPushed push, CancellationToken ct)
        {
            Ids.Add(id);
            return Ids.Count == 1 ? throw new IOException("It fails once.") : Task.CompletedTask;
        }
    }
}
