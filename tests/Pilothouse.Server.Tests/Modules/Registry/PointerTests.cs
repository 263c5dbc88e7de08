using System.Net;
using System.Net.Http.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Pointers keep their history; any of them goes back to any earlier state.</summary>
public class PointerTests
{
    [Theory, DatabaseData]
    public async Task Alias_keeps_every_move_and_goes_back_step_by_step(string kind)
    {
        await using var server = await WithVersionsAsync(kind, 3);
        for (var version = 1; version <= 3; version++) await server.Client.SetModelAliasAsync("triage", "champion", version, $"better: {version}", default);
        var history = await server.Client.GetPointerAsync("models:/triage@champion", default);
        Assert.Equal(("alias", "3"), (history.Kind, history.Current));
        Assert.Equal([("2", "3", "better: 3"), ("1", "2", "better: 2"), (null, "1", "better: 1")], history.Moves.Select(m => (m.From, m.To, m.Reason)));
        Assert.All(history.Moves, m => Assert.True(m.AuditIndex >= 0 && m.Id == $"#{m.AuditIndex}"));

        var plan = await server.Client.PlanRollbackAsync("models:/triage@champion", null, default);
        Assert.Equal(("3", "2"), (plan.From, plan.To));
        Assert.NotNull(plan.Model);
        Assert.Equal("3", (await server.Client.GetPointerAsync("models:/triage@champion", default)).Current); // a plan changes nothing

        var move = await server.Client.RollbackAsync(new PointerRollback("models:/triage@champion", "it is slow", null, plan.From), default);
        Assert.Equal(("3", "2", "rollback", "it is slow"), (move.From, move.To, move.Kind, move.Reason));
        // Twice in a row goes back two, not to and fro.
        Assert.Equal("1", (await server.Client.RollbackAsync(new PointerRollback("models:/triage@champion", "still slow"), default)).To);
        Assert.Equal("3", (await server.Client.RollbackAsync(new PointerRollback("models:/triage@champion", "it was not that", "3"), default)).To);
        Assert.Equal("1", (await server.Client.RollbackAsync(new PointerRollback("models:/triage@champion", "by move", history.Moves[2].Id), default)).To);
        Assert.Equal(1, (await server.Client.GetModelVersionAsync("models:/triage@champion", default)).Version);
        var audit = await server.Http.GetStringAsync("/api/v1/audit?subject=models/triage@champion");
        Assert.Contains("model_alias.rollback", audit, StringComparison.Ordinal);
        Assert.Contains("it was not that", audit, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task What_cannot_be_gone_back_to_is_refused_by_name(string kind)
    {
        await using var server = await WithVersionsAsync(kind, 2);
        await server.Client.SetModelAliasAsync("triage", "champion", 1, default);
        Assert.Contains("no state before 1", await RefusedAsync(server, new PointerRollback("models:/triage@champion", "r"), 409), StringComparison.Ordinal);
        await server.Client.SetModelAliasAsync("triage", "champion", 2, default);
        Assert.Contains("never pointed to '7'. It has had 1", await RefusedAsync(server, new PointerRollback("models:/triage@champion", "r", "7"), 409), StringComparison.Ordinal);
        Assert.Contains("has no move #9999", await RefusedAsync(server, new PointerRollback("models:/triage@champion", "r", "#9999"), 409), StringComparison.Ordinal);
        Assert.Contains("has just moved to 2", await RefusedAsync(server, new PointerRollback("models:/triage@champion", "r", null, "1"), 409), StringComparison.Ordinal);
        Assert.Contains("needs a reason", await RefusedAsync(server, new PointerRollback("models:/triage@champion", " "), 400), StringComparison.Ordinal);
        Assert.Contains("There is no pointer", await RefusedAsync(server, new PointerRollback("models:/triage@other", "r"), 404), StringComparison.Ordinal);
        Assert.Contains("is a version, which never moves", await RefusedAsync(server, new PointerRollback("models:/triage/1", "r"), 400), StringComparison.Ordinal);
        foreach (var reference in (string[])["models:/", "models:/a", "models:/a@", "models:/a/b/c", "nonsense", "models:/a@x y\n"])
            Assert.Contains("is not a pointer", await RefusedAsync(server, new PointerRollback(reference, "r"), 400), StringComparison.Ordinal);
        await MlflowApi.Of(server).DeleteAsync("model-versions/delete", new { name = "triage", version = "1" });
        Assert.Contains("Version 1 of 'triage' was deleted", await RefusedAsync(server, new PointerRollback("models:/triage@champion", "r"), 409), StringComparison.Ordinal);
        Assert.Equal("2", (await server.Client.GetPointerAsync("models:/triage@champion", default)).Current);
    }

    [Theory, DatabaseData]
    public async Task Stage_of_MLflow_goes_back_to_the_versions_it_had(string kind)
    {
        await using var server = await WithVersionsAsync(kind, 3);
        var api = MlflowApi.Of(server);
        foreach (var (version, archive) in ((string, bool)[])[("1", true), ("2", true), ("3", false)])
            await api.PostAsync("model-versions/transition-stage", new { name = "triage", version, stage = "Production", archive_existing_versions = archive });
        var history = await server.Client.GetPointerAsync("models:/triage/production", default);
        Assert.Equal(("stage", "2,3", "models:/triage/Production"), (history.Kind, history.Current, history.Reference));
        Assert.Equal(["2,3", "2", "1"], history.Moves.Select(m => m.To));
        var move = await server.Client.RollbackAsync(new PointerRollback("models:/triage/Production", "first was best", "1"), default);
        Assert.Equal("1", move.To);
        Assert.Equal(["Production", "Archived", "Archived"], (await server.Client.ListModelVersionsAsync("triage", default)).OrderBy(v => v.Version).Select(v => v.Stage));
        Assert.Contains((await server.Client.ListModelMovesAsync("triage", 100, default)), m => m.Pointer == "models:/triage/Archived" && m.To == "2,3");
    }

    [Theory, DatabaseData]
    public async Task History_outlives_the_alias_and_the_model_and_follows_a_rename(string kind)
    {
        await using var server = await WithVersionsAsync(kind, 2);
        var api = MlflowApi.Of(server);
        await server.Client.SetModelAliasAsync("triage", "champion", 1, default);
        await server.Client.DeleteModelAliasAsync("triage", "champion", default);
        Assert.Equal("1", (await server.Client.RollbackAsync(new PointerRollback("models:/triage@champion", "deleted by mistake"), default)).To);
        await api.PostAsync("registered-models/rename", new { name = "triage", new_name = "sorter" });
        Assert.Equal("1", (await server.Client.GetPointerAsync("models:/triage@champion", default)).Current);
        await api.DeleteAsync("registered-models/delete", new { name = "sorter" });
        var history = await server.Client.GetPointerAsync("models:/sorter@champion", default);
        Assert.Null(history.Current);
        Assert.Equal(["delete", "rollback", "delete", "set"], history.Moves.Select(m => m.Kind));
        Assert.Contains("was deleted", history.Moves[0].Reason, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Prompt_alias_goes_back_with_the_difference_of_the_text(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await server.Client.RegisterPromptAsync("support", new NewPromptVersion("Be kind.\nAnswer {question}"), default);
        await server.Client.RegisterPromptAsync("support", new NewPromptVersion("Be brief.\nAnswer {question}"), default);
        await server.Client.SetPromptAliasAsync("support", "production", 1, null, default);
        await server.Client.SetPromptAliasAsync("support", "production", 2, "shorter", default);
        var plan = await server.Client.PlanRollbackAsync("prompts:/support@production", null, default);
        Assert.Contains("    - Be brief.", plan.Changes);
        Assert.Contains("    + Be kind.", plan.Changes);
        await server.Client.RollbackAsync(new PointerRollback("prompts:/support@production", "rude"), default);
        Assert.Equal(1, (await server.Client.GetPromptByAliasAsync("support", "production", default)).Version);
    }

    [Theory, DatabaseData]
    public async Task Tags_and_descriptions_are_audited_with_the_old_value(string kind)
    {
        await using var server = await WithVersionsAsync(kind, 1);
        var api = MlflowApi.Of(server);
        await api.PostAsync("registered-models/set-tag", new { name = "triage", key = "team", value = "search" });
        await api.PostAsync("registered-models/set-tag", new { name = "triage", key = "team", value = "support" });
        await api.PostAsync("registered-models/set-tag", new { name = "triage", key = "team", value = "support" }); // no change, no entry
        await api.DeleteAsync("registered-models/delete-tag", new { name = "triage", key = "team" });
        await api.PostAsync("model-versions/set-tag", new { name = "triage", version = "1", key = "ok", value = "yes" });
        await api.PatchAsync("registered-models/update", new { name = "triage", description = "Sorts" });
        await api.PatchAsync("model-versions/update", new { name = "triage", version = "1", description = "First" });
        var entries = (await server.Http.GetFromJsonAsync<AuditLine[]>("/api/v1/audit?subject=models/triage", PilothouseClient.Json))!.Reverse().Select(e => $"{e.Subject} {e.Action}").ToList();
        Assert.Equal(["models/triage model_tag.set", "models/triage model_tag.set", "models/triage model_tag.delete", "models/triage/1 model_version_tag.set", "models/triage model.describe", "models/triage/1 model_version.describe"],
            entries.Where(e => e.Contains("tag", StringComparison.Ordinal) || e.Contains("describe", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Two_rollbacks_at_once_make_one_move()
    {
        await using var server = await WithVersionsAsync("sqlite", 2);
        await server.Client.SetModelAliasAsync("triage", "champion", 1, default);
        await server.Client.SetModelAliasAsync("triage", "champion", 2, default);
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var response = await server.Http.PostAsJsonAsync("/api/v1/pointers/rollback", new PointerRollback("models:/triage@champion", "race", null, "2"), PilothouseClient.Json);
            return response.StatusCode;
        }));
        Assert.Single(results, HttpStatusCode.OK);
        Assert.Equal(3, (await server.Client.GetPointerAsync("models:/triage@champion", default)).Moves.Count);
    }

    private static async Task<TestServer> WithVersionsAsync(string kind, int count)
    {
        var server = await TestServer.StartAsync(kind);
        for (var i = 1; i <= count; i++)
            await server.Service<IModels>().RegisterAsync("triage", new NewModelVersion("classifier", await server.Service<IBlobStore>().StoreAsync(TestModels.Classifier($"v{i}"))), "ann", default);
        return server;
    }

    private static async Task<string> RefusedAsync(TestServer server, PointerRollback rollback, int status)
    {
        using var response = await server.Http.PostAsJsonAsync("/api/v1/pointers/rollback", rollback, PilothouseClient.Json);
        Assert.Equal(status, (int)response.StatusCode);
        return System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error").GetProperty("message").GetString()!;
    }
}
