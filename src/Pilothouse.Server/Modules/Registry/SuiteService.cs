using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class SuiteService(RegistryStore store, TimeProvider time) : ISuites
{
    /// <summary>Characters of a definition.</summary>
    private const int MaxDefinition = 256 * 1024;

    public async Task<SuiteVersion> RegisterAsync(string name, NewSuiteVersion version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "suite");
        RegistryRules.RequireTexts(version.Description, version.Project, version.Commit, version.Data);
        RegistryRules.RequireDigest(version.DataDigest, "The suite's data");
        if (version.Definition.ValueKind != JsonValueKind.Object) throw RegistryRules.Invalid("The definition of a suite is a JSON object.");
        if (version.Cases < 1) throw RegistryRules.Invalid("A suite has at least one case.");
        // What it is, and nothing of where it came from: the same suite of two commits is one version.
        var document = WireJson.Write(new Document(version.Definition, version.DataDigest, version.Cases));
        if (document.Length > MaxDefinition) throw new PilothouseException(ErrorCode.TooLarge, $"The definition has {document.Length} characters; {MaxDefinition} is the limit.");
        if (document.Contains("\\u0000", StringComparison.Ordinal)) throw RegistryRules.Invalid("The definition holds a NUL character, which no database stores.");
        var (row, _, _) = await store.RegisterAsync(new VersionRow
        {
            Type = ObjectType.Suite,
            Name = name,
            Kind = ObjectType.Suite,
            Digest = Digest.Of(Encoding.UTF8.GetBytes(document)).ToString(),
            Template = document,
            Description = version.Description,
            // Where the cases lay when it was registered; the digest above is what counts.
            Location = version.Data,
            Datasets = LineageNode.FromReference(version.Data) is { Kind: LineageKind.Dataset } ? WireJson.Write<string[]>([version.Data]) : "[]",
            Project = version.Project,
            CommitId = version.Commit,
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        }, ObjectType.Suite, ct);
        return View(row);
    }

    public async Task<SuiteVersion> GetAsync(string name, int? version, CancellationToken ct)
    {
        if (await store.FindVersionAsync(ObjectType.Suite, name, version, ct) is { } row) return View(row);
        var versions = await store.NumbersAsync(ObjectType.Suite, name, ct);
        throw new PilothouseException(ErrorCode.NotFound, versions.Count > 0 ? $"There is no version {version} of the suite '{name}'; it has {string.Join(", ", versions)}."
            : $"There is no suite '{RegistryRules.Shorten(name)}'. Suites are registered when they run (pilothouse test), or by: pilothouse suite register.");
    }

    public async Task<IReadOnlyList<SuiteVersion>> ListAsync(CancellationToken ct) => (await store.VersionsAsync(ObjectType.Suite, null, ct)).ConvertAll(View);

    public async Task<IReadOnlyList<SuiteVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        var versions = await store.VersionsAsync(ObjectType.Suite, name, ct);
        return versions.Count > 0 ? versions.ConvertAll(View) : [await GetAsync(name, null, ct)];
    }

    private static SuiteVersion View(VersionRow row)
    {
        var document = WireJson.Read<Document>(row.Template!);
        return new SuiteVersion(row.Name, (int)row.Version, row.Digest!, document.Definition, row.Location ?? "", document.DataDigest, document.Cases, row.Description, row.Project, row.CommitId, row.CreatedBy, row.CreatedMs);
    }

    private sealed record Document(JsonElement Definition, string DataDigest, int Cases);
}
