using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using PromptMessage = Pilothouse.Protocols.V1.PromptMessage;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class PromptService(RegistryStore store, RegistryAnnouncer announcer, TimeProvider time) : IPrompts
{
    /// <summary>Characters of one template.</summary>
    internal const int MaxTemplate = 1024 * 1024;

    public const string Text = "text";
    public const string Chat = "chat";

    public async Task<PromptVersion> RegisterAsync(string name, NewPromptVersion version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "prompt");
        RegistryRules.RequireTexts(version.Description, version.Project, version.Commit);
        if (string.IsNullOrEmpty(version.Template)) throw RegistryRules.Invalid("The prompt has no template.");
        RequireTemplate(version.Template);
        var variables = PromptTemplate.Parse(version.Template).Variables;
        var spec = PromptSpec.Checked(version, variables) is { } declared ? WireJson.Write(declared) : null;
        var (row, newObject, newVersion) = await store.RegisterAsync(new VersionRow
        {
            Type = ObjectType.Prompt,
            Name = name,
            Kind = KindOf(version.Template),
            Digest = DigestOf(spec is null ? version.Template : WireJson.Write(new { version.Template, spec })),
            Template = version.Template,
            Variables = WireJson.Write(variables),
            Spec = spec,
            Description = version.Description,
            Project = version.Project,
            CommitId = version.Commit,
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        }, ObjectType.Prompt, ct);
        if (newVersion) await announcer.RegisteredAsync(row, newObject, ct);
        return row.ToPrompt();
    }

    public async Task<PromptVersion> GetAsync(string name, int? version, CancellationToken ct) =>
        (await FindAsync(name, version, ct) ?? throw await NotFoundAsync(name, version, ct)).ToPrompt();

    /// <param name="reference"><c>prompts:/NAME/VERSION</c>, <c>prompts:/NAME@ALIAS</c> or <c>prompts:/NAME/latest</c>.</param>
    public Task<PromptVersion> GetAsync(string reference, CancellationToken ct) => !RegistryReference.TryParse(reference, RegistryReference.Prompts, out var parsed)
        ? throw RegistryRules.Invalid($"'{RegistryRules.Shorten(reference)}' is not a prompt reference. Write prompts:/NAME/VERSION or prompts:/NAME@ALIAS.")
        : parsed.Alias is { } alias ? GetByAliasAsync(parsed.Name, alias, ct) : GetAsync(parsed.Name, parsed.Version, ct);

    /// <summary>The prompt with values filled in.</summary>
    /// <exception cref="PilothouseException">InvalidArgument: every value that is missing, unknown or of another type, a line each.</exception>
    public async Task<RenderedPrompt> RenderAsync(string reference, IReadOnlyDictionary<string, JsonElement> values, CancellationToken ct)
    {
        var prompt = await GetAsync(reference, ct);
        IReadOnlyDictionary<string, string> bound;
        try
        {
            bound = PromptVariables.Bind(prompt.Variables, prompt.TypedVariables ?? [], values);
        }
        catch (Protocols.ProtocolFormatException e)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"{prompt.Reference} cannot be rendered:\n{e.Message}", e);
        }
        PromptTemplate Template(string text) => prompt.OfMlflow ? PromptTemplate.ParseMlflow(text) : PromptTemplate.Parse(text);
        IReadOnlyList<PromptMessage> messages = prompt.Messages is { } chat ? [.. chat.Select(m => new PromptMessage(m.Role, Template(m.Content).Render(bound)))] : [new PromptMessage("user", Template(prompt.Template).Render(bound))];
        return new RenderedPrompt(prompt.Reference, messages, prompt.Parameters ?? new Dictionary<string, JsonElement>());
    }

    public async Task<PromptVersion> GetByAliasAsync(string name, string alias, CancellationToken ct)
    {
        var current = await store.CurrentNameAsync(ObjectType.Prompt, name, ct) ?? throw await NotFoundAsync(name, null, ct);
        var version = await store.AliasAsync(ObjectType.Prompt, current, alias, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"The prompt '{current}' has no alias '{RegistryRules.Shorten(alias)}'.");
        return await GetAsync(current, (int)version, ct);
    }

    public async Task<IReadOnlyList<PromptVersion>> ListAsync(CancellationToken ct) => (await store.VersionsAsync(ObjectType.Prompt, null, ct)).ConvertAll(v => v.ToPrompt());

    public async Task<IReadOnlyList<PromptVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        var versions = await store.VersionsAsync(ObjectType.Prompt, name, ct);
        return versions.Count > 0 ? versions.ConvertAll(v => v.ToPrompt()) : throw await NotFoundAsync(name, null, ct);
    }

    public Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct) => SetAliasAsync(name, alias, version, actor, null, ct);

    /// <param name="reason">Why; stands in the history and the audit log. Null = not said.</param>
    public async Task SetAliasAsync(string name, string alias, int version, string actor, string? reason, CancellationToken ct)
    {
        RegistryRules.RequireAlias(alias);
        RegistryRules.RequireTexts(reason);
        if (!await store.SetAliasAsync(ObjectType.Prompt, name, alias, version, new MoveCause(actor, reason, MoveCause.Set), time.NowMs(), ct)) throw await NotFoundAsync(name, version, ct);
        await announcer.AliasAsync(ObjectType.Prompt, name, alias, version, ct);
    }

    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task DeleteAliasAsync(string name, string alias, string actor, string? reason, CancellationToken ct)
    {
        RegistryRules.RequireAlias(alias);
        if (!await store.DeleteAliasAsync(ObjectType.Prompt, name, alias, new MoveCause(actor, reason, MoveCause.Delete), time.NowMs(), ct))
            throw new PilothouseException(ErrorCode.NotFound, $"The prompt '{RegistryRules.Shorten(name)}' has no alias '{alias}'.");
        await announcer.AliasAsync(ObjectType.Prompt, name, alias, null, ct);
    }

    internal static void RequireTemplate(string template)
    {
        if (template.Length > MaxTemplate) throw new PilothouseException(ErrorCode.TooLarge, $"The template has {template.Length} characters; {MaxTemplate} is the limit.");
        if (template.Contains('\0')) throw RegistryRules.Invalid("The template holds a NUL character, which no database stores.");
    }

    internal static string DigestOf(string template) => Digest.Of(Encoding.UTF8.GetBytes(template)).ToString();

    /// <summary>Chat messages are a JSON array: <c>[{"role":"system","content":"..."}]</c>, as MLflow keeps them.</summary>
    internal static string KindOf(string template)
    {
        if (!template.AsSpan().TrimStart().StartsWith('[')) return Text;
        try
        {
            using var json = JsonDocument.Parse(template, new JsonDocumentOptions { MaxDepth = 32 });
            var messages = json.RootElement;
            return messages.GetArrayLength() > 0 && messages.EnumerateArray().All(m => m.ValueKind == JsonValueKind.Object && m.TryGetProperty("role", out _) && m.TryGetProperty("content", out _)) ? Chat : Text;
        }
        catch (JsonException)
        {
            return Text;
        }
    }

    private async Task<VersionRow?> FindAsync(string name, int? version, CancellationToken ct) =>
        await store.CurrentNameAsync(ObjectType.Prompt, name, ct) is { } current ? await store.FindVersionAsync(ObjectType.Prompt, current, version, ct) : null;

    private async Task<PilothouseException> NotFoundAsync(string name, int? version, CancellationToken ct)
    {
        var versions = await store.NumbersAsync(ObjectType.Prompt, name, ct);
        return new PilothouseException(ErrorCode.NotFound, versions.Count == 0
            ? $"There is no prompt '{RegistryRules.Shorten(name)}'. Register it with: pilothouse prompt register NAME FILE."
            : $"There is no version {version} of the prompt '{name}'; it has {string.Join(", ", versions)}.");
    }
}
