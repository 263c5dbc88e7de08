using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <param name="reference"><c>models:/NAME@ALIAS</c>, <c>prompts:/NAME@ALIAS</c>, <c>models:/NAME/STAGE</c> or <c>PROJECT/ENVIRONMENT</c>.</param>
    public Task<PointerHistory> GetPointerAsync(string reference, CancellationToken ct) => GetAsync<PointerHistory>("api/v1/pointers" + Query(("ref", reference)), ct);

    /// <summary>What a rollback would change; changes nothing.</summary>
    /// <param name="to">An earlier state, or the id of a move; null = the one before.</param>
    public Task<RollbackPlan> PlanRollbackAsync(string reference, string? to, CancellationToken ct) => GetAsync<RollbackPlan>("api/v1/pointers/rollback" + Query(("ref", reference), ("to", to)), ct);

    public Task<PointerMove> RollbackAsync(PointerRollback rollback, CancellationToken ct) => PostAsync<PointerMove>("api/v1/pointers/rollback", rollback, ct);

    /// <summary>Moves of all aliases and stages of a model, newest first.</summary>
    public Task<IReadOnlyList<PointerMove>> ListModelMovesAsync(string name, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<PointerMove>>($"api/v1/models/{Uri.EscapeDataString(name)}/moves?limit={limit.ToString(System.Globalization.CultureInfo.InvariantCulture)}", ct);

    /// <param name="depth"><c>content</c> (every tensor), <c>quick</c> or <c>headers</c>.</param>
    public Task<ModelDiff> DiffModelsAsync(string from, string to, string depth, CancellationToken ct) => GetAsync<ModelDiff>("api/v1/diff/models" + Query(("from", from), ("to", to), ("depth", depth)), ct);

    public Task<PromptDiff> DiffPromptsAsync(string from, string to, CancellationToken ct) => GetAsync<PromptDiff>("api/v1/diff/prompts" + Query(("from", from), ("to", to)), ct);

    public Task<ReleaseDiff> DiffReleasesAsync(string from, string to, CancellationToken ct) => GetAsync<ReleaseDiff>("api/v1/diff/releases" + Query(("from", from), ("to", to)), ct);

    /// <param name="reference"><c>prompts:/NAME/VERSION</c>, <c>prompts:/NAME@ALIAS</c> or <c>prompts:/NAME/latest</c>.</param>
    /// <exception cref="ArgumentException">Not such a reference.</exception>
    public Task<PromptVersion> GetPromptAsync(string reference, CancellationToken ct)
    {
        var r = Prompt(reference);
        return r.Alias is { } alias ? GetPromptByAliasAsync(r.Name, alias, ct)
            : GetAsync<PromptVersion>($"api/v1/prompts/{Uri.EscapeDataString(r.Name)}" + (r.Version is { } version ? $"/versions/{version.ToString(System.Globalization.CultureInfo.InvariantCulture)}" : ""), ct);
    }

    /// <summary>The prompt with values filled in.</summary>
    public Task<RenderedPrompt> RenderPromptAsync(string reference, IReadOnlyDictionary<string, JsonElement> values, CancellationToken ct)
    {
        var r = Prompt(reference);
        return PostAsync<RenderedPrompt>($"api/v1/prompts/{Uri.EscapeDataString(r.Name)}/render" + Query(("version", r.Version?.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("alias", r.Alias)), new PromptValues(values), ct);
    }

    private static RegistryReference Prompt(string reference) => RegistryReference.TryParse(reference, RegistryReference.Prompts, out var parsed) ? parsed
        : throw new ArgumentException($"'{reference}' is not a prompt reference. Write prompts:/NAME/VERSION or prompts:/NAME@ALIAS.", nameof(reference));
}
