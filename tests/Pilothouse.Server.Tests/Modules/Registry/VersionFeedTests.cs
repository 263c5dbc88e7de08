using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

public sealed class VersionFeedTests
{
    [Theory, DatabaseData]
    public async Task Only_a_new_version_changes_the_state(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);
        var feed = new VersionFeed(registry.Db);
        Assert.Equal("0", await feed.StateAsync(default));
        await registry.Prompts.RegisterAsync("support", new NewPromptVersion("Say {a}"), "ann", default);
        var first = await feed.StateAsync(default);
        Assert.NotEqual("0", first);

        await registry.Prompts.SetAliasAsync("support", "production", 1, "ann", default);
        await registry.Store.RenameAsync(ObjectType.Prompt, "support", "help", "ann", 1, default);
        Assert.Equal(first, await feed.StateAsync(default));

        await registry.Prompts.RegisterAsync("help", new NewPromptVersion("Say {a} twice"), "ann", default);
        Assert.NotEqual(first, await feed.StateAsync(default));
    }
}
