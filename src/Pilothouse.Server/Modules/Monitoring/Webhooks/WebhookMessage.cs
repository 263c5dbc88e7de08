using System.Text.Encodings.Web;
using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>Registry events in MLflow's words: which webhook event they are, and the body that is sent.</summary>
internal static class WebhookMessage
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Ours beside MLflow's: branches or tags of a hosted repository moved.</summary>
    public static MlflowWebhookEvent Pushed { get; } = new("REPOSITORY", "PUSHED");

    /// <summary>Updates told in one delivery; the number of all stands beside them.</summary>
    private const int MaxUpdates = 100;

    /// <returns>Null when MLflow has no event for it: tags of registered models.</returns>
    public static MlflowWebhookEvent? EventOf(RegistryChanged e) => (e.IsPrompt, e.Change) switch
    {
        (false, RegistryChange.Created) => new("REGISTERED_MODEL", "CREATED"),
        (true, RegistryChange.Created) => new("PROMPT", "CREATED"),
        (_, RegistryChange.VersionCreated) => new(Of(e, "VERSION"), "CREATED"),
        (_, RegistryChange.VersionTagSet) => new(Of(e, "VERSION_TAG"), "SET"),
        (_, RegistryChange.VersionTagDeleted) => new(Of(e, "VERSION_TAG"), "DELETED"),
        (true, RegistryChange.TagSet) => new("PROMPT_TAG", "SET"),
        (true, RegistryChange.TagDeleted) => new("PROMPT_TAG", "DELETED"),
        (_, RegistryChange.AliasSet) => new(e.IsPrompt ? "PROMPT_ALIAS" : "MODEL_VERSION_ALIAS", "CREATED"),
        (_, RegistryChange.AliasDeleted) => new(e.IsPrompt ? "PROMPT_ALIAS" : "MODEL_VERSION_ALIAS", "DELETED"),
        _ => null,
    };

    /// <summary><c>{"entity": "model_version", "action": "created", "timestamp": "2026-01-01T00:00:00+00:00", "data": {...}}</c></summary>
    public static string Write(MlflowWebhookEvent kind, DateTimeOffset at, object data) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["entity"] = kind.Entity.ToLowerInvariant(),
        ["action"] = kind.Action.ToLowerInvariant(),
        ["timestamp"] = at.ToString("yyyy-MM-ddTHH:mm:ss.ffffffzzz", System.Globalization.CultureInfo.InvariantCulture),
        ["data"] = data,
    }, Json);

    public static object DataOf(RepositoryPushed e) => new
    {
        project = e.Project,
        actor = e.Actor,
        git_url = $"/git/{e.Project}.git",
        updates = e.Updates.Take(MaxUpdates).Select(u => new Dictionary<string, string> { ["ref"] = u.Ref, ["old_commit"] = u.OldCommit, ["new_commit"] = u.NewCommit }),
        count = e.Updates.Count,
        options = e.Options,
        reason = e.Reason,
    };

    public static object DataOf(RegistryChanged e)
    {
        var version = e.Version?.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return e.Change switch
        {
            RegistryChange.Created => new { name = e.Name, tags = e.Tags, description = e.Description },
            RegistryChange.VersionCreated when e.IsPrompt => new { name = e.Name, version, template = e.Template, tags = e.Tags, description = e.Description },
            RegistryChange.VersionCreated => new { name = e.Name, version, source = e.Source, run_id = e.RunId, tags = e.Tags, description = e.Description },
            RegistryChange.VersionTagSet => new { name = e.Name, version, key = e.Key, value = e.Value },
            RegistryChange.VersionTagDeleted => new { name = e.Name, version, key = e.Key },
            RegistryChange.TagSet => new { name = e.Name, key = e.Key, value = e.Value },
            RegistryChange.TagDeleted => new { name = e.Name, key = e.Key },
            RegistryChange.AliasSet => new { name = e.Name, alias = e.Alias, version },
            _ => new { name = e.Name, alias = e.Alias },
        };
    }

    /// <summary>What a test delivery carries.</summary>
    public static object ExampleOf(MlflowWebhookEvent kind)
    {
        if (kind == Pushed)
            return DataOf(new RepositoryPushed("example-project", "ann", [new RefUpdate("refs/heads/main", new string('1', 40), new string('2', 40))], ["reason=An example"], "An example"));
        if (kind.Entity == "BUDGET_POLICY")
            return new { budget_policy_id = "bp-example", budget_unit = "USD", budget_amount = 100.0, current_spend = 105.5, duration_unit = "DAYS", duration_value = 1, target_scope = "GLOBAL", workspace = "default", window_start = 1767225600000 };
        var prompt = kind.Entity.StartsWith("PROMPT", StringComparison.Ordinal);
        var change = Enum.GetValues<RegistryChange>().First(c => EventOf(new RegistryChanged(prompt, c, "")) == kind);
        var alias = change is RegistryChange.AliasDeleted;
        return DataOf(new RegistryChanged(prompt, change, prompt ? "example_prompt" : "example_model")
        {
            Version = alias ? null : 1,
            Alias = "example_alias",
            Key = "example_key",
            Value = "example_value",
            Source = "runs:/abcd1234abcd5678/model",
            RunId = "abcd1234abcd5678",
            Template = "Hello {{name}}!",
            Description = prompt ? "An example prompt" : "An example model",
            Tags = new Dictionary<string, string> { ["example_key"] = "example_value" },
        });
    }

    private static string Of(RegistryChanged e, string what) => (e.IsPrompt ? "PROMPT_" : "MODEL_") + what;
}
