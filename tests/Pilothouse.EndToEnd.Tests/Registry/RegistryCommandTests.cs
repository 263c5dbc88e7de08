using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Registry;

/// <summary>The registry from the command line, against the real server: two models of the sample, aliases, differences, the way back, lineage.</summary>
public sealed class RegistryCommandTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_model_and_a_prompt_are_registered_compared_rolled_back_and_traced()
    {
        await using var server = await TestServer.StartAsync();
        var models = Path.Combine(RepoRoot.Path, "samples", "support-assistant", "models");
        var folder = Directory.CreateTempSubdirectory("pilothouse-test-");
        try
        {
            await RunAsync(server, 0, "model", "register", "assistant", Path.Combine(models, "assistant-v1"), "--kind", "generative");
            await RunAsync(server, 0, "model", "register", "assistant", Path.Combine(models, "assistant-v2"), "--kind", "generative", "--base", "models:/assistant/1");
            await RunAsync(server, 0, "model", "alias", "assistant", "champion", "1", "--reason", "first");
            await RunAsync(server, 0, "model", "alias", "assistant", "champion", "2", "--reason", "better");

            var diff = await RunAsync(server, 1, "diff", "models:/assistant/1", "models:/assistant/2");
            Assert.Contains("tensors changed", diff, StringComparison.Ordinal);
            Assert.Contains("relative", diff, StringComparison.Ordinal);
            Assert.Contains("The same content.", await RunAsync(server, 0, "diff", "models:/assistant/1", "models:/assistant/1"), StringComparison.Ordinal);

            Assert.Contains("tensors changed", await RunAsync(server, 0, "rollback", "models:/assistant@champion", "--dry-run"), StringComparison.Ordinal);
            Assert.Contains("needs a reason", await RunAsync(server, 2, "rollback", "models:/assistant@champion"), StringComparison.Ordinal);
            Assert.Contains("models:/assistant@champion -> 1 (was 2)", await RunAsync(server, 0, "rollback", "models:/assistant@champion", "--reason", "slow"), StringComparison.Ordinal);
            var history = await RunAsync(server, 0, "rollback", "models:/assistant@champion", "--history");
            foreach (var part in (string[])["points to 1", "rollback", "slow", "better"]) Assert.Contains(part, history, StringComparison.Ordinal);
            Assert.Contains("no state before", await RunAsync(server, 2, "rollback", "models:/assistant@champion", "--reason", "again"), StringComparison.Ordinal);

            var lineage = await RunAsync(server, 0, "lineage", "models:/assistant@champion", "--down");
            Assert.Contains("model assistant/2", lineage, StringComparison.Ordinal);
            Assert.Contains("names nothing here", await RunAsync(server, 2, "lineage", "models:/none/1"), StringComparison.Ordinal);

            var prompt = Path.Combine(folder.FullName, "support.yaml");
            await File.WriteAllTextAsync(prompt, "template: 'Be {tone}: {question}'\nvariables:\n  tone: { values: [kind, brief], default: kind }\nparameters: { temperature: 0 }\n");
            await RunAsync(server, 0, "prompt", "register", "support", prompt);
            await File.WriteAllTextAsync(prompt, "template: 'Always be {tone}: {question}'\n");
            await RunAsync(server, 0, "prompt", "register", "support", prompt);
            Assert.Contains("Be brief: Where is it?", await RunAsync(server, 0, "prompt", "render", "prompts:/support/1", "--var", "tone=brief", "--var", "question=Where is it?"), StringComparison.Ordinal);
            Assert.Contains("question: a value is missing", await RunAsync(server, 2, "prompt", "render", "prompts:/support/1", "--var", "tone=rude"), StringComparison.Ordinal);
            Assert.Contains("enum (kind, brief)", await RunAsync(server, 0, "prompt", "show", "prompts:/support/1"), StringComparison.Ordinal);
            Assert.Contains("+ Always be {tone}", await RunAsync(server, 1, "diff", "prompts:/support/1", "prompts:/support/2"), StringComparison.Ordinal);

            var rows = Path.Combine(folder.FullName, "faq.jsonl");
            foreach (var content in (string[])["{\"id\":1,\"a\":\"x\"}\n{\"id\":2,\"a\":\"y\"}\n", "{\"id\":2,\"a\":\"z\"}\n{\"id\":3,\"a\":\"w\"}\n{\"id\":4,\"a\":\"v\"}\n"])
            {
                await File.WriteAllTextAsync(rows, content);
                await RunAsync(server, 0, "dataset", "register", "faq", rows);
            }
            var data = await RunAsync(server, 1, "diff", "datasets:/faq/1", "datasets:/faq/2");
            foreach (var part in (string[])["2 added, 1 removed, 1 changed", "changed fields: a 1", "~ "]) Assert.Contains(part, data, StringComparison.Ordinal);
            Assert.Contains("0 added, 0 removed, 0 changed", await RunAsync(server, 0, "diff", "datasets:/faq/1", "datasets:/faq/1"), StringComparison.Ordinal);
            Assert.Contains("There is no version 9 of the data set", await RunAsync(server, 2, "diff", "datasets:/faq/1", "datasets:/faq/9"), StringComparison.Ordinal);
            Assert.Contains("not of one kind", await RunAsync(server, 2, "diff", "prompts:/support/1", "models:/assistant/1"), StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task<string> RunAsync(TestServer server, int exitCode, params string[] arguments)
    {
        var (code, text) = await ServerProcess.RunAsync([.. arguments, "--server", server.Url.ToString()]);
        output.WriteLine($"$ pilothouse {string.Join(' ', arguments)}\n{text}");
        Assert.Equal(exitCode, code);
        return text;
    }
}
