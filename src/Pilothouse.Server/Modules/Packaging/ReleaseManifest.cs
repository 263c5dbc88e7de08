using System.Globalization;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Oci;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>
/// Writes the OCI documents of a release. Nothing in them depends on when or by whom the release was made, so that the same commit always gives
/// the same digest. Files are layers of their own, uncompressed, with ModelPack's media types: registries and skopeo keep them as they are.
/// </summary>
internal static class ReleaseManifest
{
    private const string ProjectFileType = "application/vnd.pilothouse.project.v1+yaml";
    private const string PromptType = "application/vnd.pilothouse.prompt.v1+yaml";
    private const string StatementType = "https://in-toto.io/Statement/v1";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The config blob: the list of everything that shapes behaviour, evaluation data included (which does not travel along).</summary>
    public static byte[] Config(string project, string commit, IReadOnlyList<ReleaseComponent> components) =>
        JsonSerializer.SerializeToUtf8Bytes(new { project, commit, components }, Json);

    public static OciManifest Manifest(string project, Commit commit, OciDescriptor config, IReadOnlyList<PackagedFile> files) => new()
    {
        ArtifactType = OciMediaTypes.Release,
        Config = config,
        Layers = [.. files.Select(Layer)],
        Annotations = new SortedDictionary<string, string>
        {
            [OciAnnotations.Title] = project,
            [OciAnnotations.Revision] = commit.Id,
            [OciAnnotations.Created] = DateTimeOffset.FromUnixTimeMilliseconds(commit.TimeMs).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        },
    };

    /// <summary>Evidence about a release: an in-toto statement, and the document it was drawn from if there is one.</summary>
    /// <param name="report">Descriptor of the whole report.</param>
    public static OciManifest Evidence(string artifactType, OciDescriptor subject, OciDescriptor statement, OciDescriptor? report) => new()
    {
        ArtifactType = artifactType,
        Config = OciDescriptor.Empty,
        Layers = report is null ? [statement] : [statement, report],
        Subject = subject,
    };

    /// <summary>An in-toto Statement v1 about the release. See <see href="https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md"/>.</summary>
    public static byte[] Statement(StoredRelease release, string predicateType, object predicate) => JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
    {
        ["_type"] = StatementType,
        ["subject"] = new[] { new { name = release.Project, digest = new { sha256 = Digest.Parse(release.Digest).Hex } } },
        ["predicateType"] = predicateType,
        ["predicate"] = predicate,
    }, Json);

    public static OciDescriptor Subject(StoredRelease release) =>
        new() { MediaType = OciMediaTypes.Manifest, Digest = Digest.Parse(release.Digest), Size = release.Size };

    private static OciDescriptor Layer(PackagedFile file) => new()
    {
        MediaType = MediaType(file.Title),
        Digest = Digest.Parse(file.Digest),
        Size = file.Size,
        Annotations = new SortedDictionary<string, string> { [OciAnnotations.Title] = file.Title, [OciAnnotations.ModelFilePath] = file.Title },
    };

    private static string MediaType(string title) => !title.StartsWith("models/", StringComparison.Ordinal)
        ? title == ComponentResolver.ProjectFileName ? ProjectFileType : PromptType
        : Path.GetExtension(title) switch
        {
            ".onnx" or ".onnx_data" or ".data" or ".safetensors" or ".gguf" or ".bin" => OciMediaTypes.ModelWeightRaw,
            ".md" or ".txt" or ".pdf" or ".html" => OciMediaTypes.ModelDocRaw,
            ".py" or ".cs" or ".sh" => OciMediaTypes.ModelCodeRaw,
            _ => OciMediaTypes.ModelWeightConfigRaw,
        };
}
