using System.Text.Json.Nodes;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Prompts of our own API and MLflow's, which keeps them as models with tags.</summary>
public sealed class MlflowPromptTests
{
    private const string IsPrompt = "mlflow.prompt.is_prompt";

    [Theory, DatabaseData]
    public async Task A_prompt_of_ours_is_one_that_MLflows_client_loads_and_fills(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await server.Client.RegisterPromptAsync("support", new NewPromptVersion("Answer {question} as {\"json\": 1}, {{persona}}."), default);

        var tags = Tags((await mlflow.GetAsync("model-versions/get?name=support&version=1"))["model_version"]!);
        var prompts = await SearchAsync(mlflow, $"tags.`{IsPrompt}` = 'true'");

        Assert.Equal(("true", "text", "Answer {{question}} as {\"json\": 1}, {{persona}}."), (tags[IsPrompt], tags["_mlflow_prompt_type"], tags["mlflow.prompt.text"]));
        Assert.Equal(["support"], prompts);
        Assert.Empty(await SearchAsync(mlflow, "")); // hidden where models are asked for
        Assert.Empty(await SearchAsync(mlflow, $"tags.`{IsPrompt}` != 'true'"));
    }

    [Theory, DatabaseData]
    public async Task A_chat_prompt_of_MLflows_client_is_one_of_ours(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "chat", tags = Pairs((IsPrompt, "true"), ("team", "nlp")) });
        await mlflow.PostAsync("model-versions/create", new
        {
            name = "chat",
            source = "dummy-source",
            tags = Pairs((IsPrompt, "true"), ("_mlflow_prompt_type", "chat"), ("mlflow.prompt.text", """[{"role": "system", "content": "You are {{style}}, {not} a slot."}, {"role": "user", "content": "{{question}}"}]"""), ("k", "v")),
        });
        await mlflow.PostAsync("registered-models/alias", new { name = "chat", alias = "prod", version = "1" });

        var prompt = Assert.Single(await server.Client.ListPromptsAsync(default));

        Assert.Equal([("system", "You are {{style}}, {not} a slot."), ("user", "{{question}}")], prompt.Messages!.Select(m => (m.Role, m.Content)));
        Assert.Equal(["style", "question"], prompt.Variables);
        Assert.Equal(["prod"], prompt.Aliases!);
        Assert.Equal(new Dictionary<string, string> { ["k"] = "v" }, prompt.Tags);
        Assert.Empty(await server.Client.ListModelsAsync(default));
        // One counter: our own API goes on from MLflow's number.
        Assert.Equal(2, (await server.Client.RegisterPromptAsync("chat", new NewPromptVersion("Now a text."), default)).Version);
        Assert.Equal("2", (await mlflow.GetAsync("registered-models/alias?name=chat&alias=latest"))["model_version"]!["version"]!.GetValue<string>());
        // One table of aliases.
        await server.Client.SetPromptAliasAsync("chat", "prod", 2, null, default);
        Assert.Equal("2", (await mlflow.GetAsync("registered-models/alias?name=chat&alias=prod"))["model_version"]!["version"]!.GetValue<string>());
        Assert.Equal("Now a text.", (await server.Client.GetPromptByAliasAsync("chat", "prod", default)).Template);
        await server.Client.DeletePromptAliasAsync("chat", "prod", default);
        Assert.Equal(400, (await mlflow.TryAsync(HttpMethod.Get, "registered-models/alias?name=chat&alias=prod", null)).Status);
    }

    [Theory]
    [InlineData("mlflow.prompt.text", "another")]
    [InlineData("mlflow.prompt.is_prompt", "false")]
    [InlineData("mlflow.prompt.text", null)]
    public async Task What_a_prompt_version_says_is_not_changed_by_a_tag(string key, string? value)
    {
        await using var server = await TestServer.StartAsync();
        var mlflow = MlflowApi.Of(server);
        await server.Client.RegisterPromptAsync("support", new NewPromptVersion("Answer."), default);

        var (status, answer) = value is null
            ? await mlflow.TryAsync(HttpMethod.Delete, "model-versions/delete-tag", new { name = "support", version = "1", key })
            : await mlflow.TryAsync(HttpMethod.Post, "model-versions/set-tag", new { name = "support", version = "1", key, value });

        Assert.Equal((400, "INVALID_PARAMETER_VALUE"), (status, answer!["error_code"]!.GetValue<string>()));
        Assert.Equal("Answer.", Assert.Single(await server.Client.ListPromptsAsync(default)).Template);
    }

    [Fact]
    public async Task A_name_is_a_models_or_a_prompts_to_MLflow()
    {
        await using var server = await TestServer.StartAsync();
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "model" });
        await mlflow.PostAsync("registered-models/create", new { name = "prompt", tags = Pairs((IsPrompt, "true")) });

        Assert.Equal(400, (await mlflow.TryAsync(HttpMethod.Post, "registered-models/create", new { name = "prompt" })).Status);
        Assert.Equal(400, (await mlflow.TryAsync(HttpMethod.Post, "registered-models/create", new { name = "model", tags = Pairs((IsPrompt, "true")) })).Status);
        Assert.Equal(400, (await mlflow.TryAsync(HttpMethod.Post, "registered-models/rename", new { name = "prompt", new_name = "model" })).Status);
        Assert.Equal(400, (await mlflow.TryAsync(HttpMethod.Post, "registered-models/set-tag", new { name = "model", key = IsPrompt, value = "true" })).Status);
        Assert.Equal(400, (await mlflow.TryAsync(HttpMethod.Post, "model-versions/create", new { name = "model", source = "dummy-source", tags = Pairs((IsPrompt, "true")) })).Status);
    }

    private static async Task<List<string>> SearchAsync(MlflowApi mlflow, string filter) =>
        [.. ((await mlflow.GetAsync($"registered-models/search?filter={Uri.EscapeDataString(filter)}"))["registered_models"]?.AsArray() ?? []).Select(m => m!["name"]!.GetValue<string>())];

    private static Dictionary<string, string> Tags(JsonNode version) => version["tags"]!.AsArray().ToDictionary(t => t!["key"]!.GetValue<string>(), t => t!["value"]!.GetValue<string>());

    private static object[] Pairs(params (string Key, string Value)[] pairs) => [.. pairs.Select(p => new { key = p.Key, value = p.Value })];
}
