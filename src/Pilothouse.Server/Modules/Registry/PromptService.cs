using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class PromptService(PromptStore store, TimeProvider time) : IPrompts
{
    /// <summary>Characters of one template.</summary>
    private const int MaxTemplate = 1024 * 1024;

    public Task<PromptVersion> RegisterAsync(string name, NewPromptVersion version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "prompt");
        RegistryRules.RequireTexts(version.Description, version.Project, version.Commit);
        if (string.IsNullOrEmpty(version.Template)) throw RegistryRules.Invalid("The prompt has no template.");
        if (version.Template.Length > MaxTemplate) throw new PilothouseException(ErrorCode.TooLarge, $"The template has {version.Template.Length} characters; {MaxTemplate} is the limit.");
        if (version.Template.Contains('\0')) throw RegistryRules.Invalid("The template holds a NUL character, which no database stores.");
        var digest = Digest.Of(Encoding.UTF8.GetBytes(version.Template)).ToString();
        return store.RegisterAsync(new PromptVersion(name, 0, digest, version.Template, PromptTemplate.Parse(version.Template).Variables, version.Description, version.Project,
            version.Commit, actor, time.NowMs()), ct);
    }

    public async Task<PromptVersion> GetAsync(string name, int? version, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "prompt");
        return await store.FindAsync(name, version, ct) ?? throw await NotFoundAsync(name, version, ct);
    }

    public Task<IReadOnlyList<PromptVersion>> ListAsync(CancellationToken ct) => store.ListAsync(null, ct);

    public async Task<IReadOnlyList<PromptVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "prompt");
        var versions = await store.ListAsync(name, ct);
        return versions.Count > 0 ? versions : throw await NotFoundAsync(name, null, ct);
    }

    private async Task<PilothouseException> NotFoundAsync(string name, int? version, CancellationToken ct)
    {
        var versions = await store.ListAsync(name, ct);
        return new PilothouseException(ErrorCode.NotFound, versions.Count == 0
            ? $"There is no prompt '{name}'. Register it with: pilothouse prompt register {name} FILE."
            : $"There is no version {version} of the prompt '{name}'; it has {string.Join(", ", versions.Take(20).Select(v => v.Version))}.");
    }
}
