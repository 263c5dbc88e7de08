using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Prompts with typed variables and model parameters, by our own API and by MLflow's.</summary>
public class TypedPromptTests
{
    private static readonly NewPromptVersion Support = new("""[{"role":"system","content":"Be {tone}."},{"role":"user","content":"{question}"}]""")
    {
        TypedVariables = [new("tone", "enum", Default: JsonSerializer.SerializeToElement("kind"), Values: ["kind", "brief"])],
        Parameters = new Dictionary<string, JsonElement> { ["temperature"] = JsonSerializer.SerializeToElement(0.2) },
    };

    [Theory, DatabaseData]
    public async Task Declared_types_are_kept_rendered_and_seen_by_MLflow(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var version = await server.Client.RegisterPromptAsync("support", Support, default);
        Assert.Equal(["tone", "question"], version.Variables);
        Assert.Equal("enum", Assert.Single(version.TypedVariables!).Type);
        Assert.Equal(version.Reference, (await server.Client.RegisterPromptAsync("support", Support, default)).Reference); // the same again
        // Another type is another version, though the text is the same.
        Assert.Equal(2, (await server.Client.RegisterPromptAsync("support", Support with { TypedVariables = null }, default)).Version);

        var rendered = await server.Client.RenderPromptAsync("prompts:/support/1", new Dictionary<string, JsonElement> { ["question"] = JsonSerializer.SerializeToElement("Why {tone}?") }, default);
        Assert.Equal([("system", "Be kind."), ("user", "Why {tone}?")], rendered.Messages.Select(m => (m.Role, m.Content)));
        Assert.Equal(0.2, rendered.Parameters["temperature"].GetDouble());

        var tags = (await MlflowApi.Of(server).GetAsync("model-versions/get?name=support&version=1"))["model_version"]!["tags"]!.AsArray().ToDictionary(t => t!["key"]!.GetValue<string>(), t => t!["value"]!.GetValue<string>());
        Assert.Contains("Be {{tone}}.", tags["mlflow.prompt.text"], StringComparison.Ordinal);
        Assert.Equal("""{"temperature":0.2}""", tags["_mlflow_prompt_model_config"]);

        var diff = await server.Client.DiffPromptsAsync("prompts:/support/1", "prompts:/support/2", default);
        Assert.Equal(new KeyChange("variables", "tone", "enum [kind, brief] = \"kind\"", "string"), Assert.Single(diff.Variables));
    }

    [Theory, DatabaseData]
    public async Task Prompt_of_MLflow_is_rendered_by_its_own_rules(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var api = MlflowApi.Of(server);
        await api.PostAsync("registered-models/create", new { name = "p", tags = new[] { new { key = "mlflow.prompt.is_prompt", value = "true" } } });
        await api.PostAsync("model-versions/create", new { name = "p", source = "dummy", tags = new[] { new { key = "mlflow.prompt.text", value = "JSON {a}: {{b}}" }, new { key = "_mlflow_prompt_model_config", value = """{"temperature":1}""" } } });
        var rendered = await server.Client.RenderPromptAsync("prompts:/p/latest", new Dictionary<string, JsonElement> { ["b"] = JsonSerializer.SerializeToElement("B") }, default);
        Assert.Equal("JSON {a}: B", rendered.Messages.Single().Content);
        Assert.Equal(1, rendered.Parameters["temperature"].GetInt32());
    }

    [Fact]
    public async Task Faults_of_values_and_declarations_are_named()
    {
        await using var server = await TestServer.StartAsync();
        await server.Client.RegisterPromptAsync("support", Support, default);
        using var rendered = await server.Http.PostAsJsonAsync("/api/v1/prompts/support/render", new { values = new { tone = "rude", other = 1 } });
        Assert.Equal(HttpStatusCode.BadRequest, rendered.StatusCode);
        var message = await rendered.Content.ReadAsStringAsync();
        foreach (var part in (string[])["other: the prompt has no such variable", "tone: it must be one of kind, brief", "question: a value is missing"]) Assert.Contains(part, message, StringComparison.Ordinal);
        foreach (var (bad, words) in (IEnumerable<(NewPromptVersion, string)>)
        [
            (Support with { TypedVariables = [new("tone", "integer")] }, "is not one of string, number"), (Support with { TypedVariables = [new("nothing")] }, "has no {nothing}"),
            (Support with { TypedVariables = [new("tone", "enum")] }, "needs its values"), (Support with { TypedVariables = [new("tone", "number", Default: JsonSerializer.SerializeToElement("x"))] }, "Its default must be a number"),
            (Support with { TypedVariables = [new("tone"), new("tone")] }, "declared twice"),
        ])
            Assert.Contains(words, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.RegisterPromptAsync("support", bad, default))).Message, StringComparison.Ordinal);
        Assert.Single(await server.Client.ListPromptsAsync(default));
        foreach (var body in (string[])["{\"values\":7}", "[]", "{\"values\":{\"tone\":", "null"])
        {
            using var response = await server.Http.PostAsync("/api/v1/prompts/support/render", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
    }
}
