using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Oci;

/// <summary>
/// Reads OCI documents and writes them in one canonical form (fixed order of fields, annotations in ordinal order, no white space), so that the same
/// content always has the same digest. Documents of others are stored as their exact bytes and never re-written.
/// </summary>
public static class OciJson
{
    /// <summary>Largest manifest or index, in bytes: the size that the distribution specification asks registries to accept.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 32,
        RespectNullableAnnotations = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>The canonical bytes.</summary>
    public static byte[] ToBytes(OciManifest manifest) => JsonSerializer.SerializeToUtf8Bytes(manifest with { Annotations = Ordinal(manifest.Annotations), Config = Canonical(manifest.Config), Layers = Canonical(manifest.Layers), Subject = manifest.Subject is null ? null : Canonical(manifest.Subject) }, Options);

    /// <inheritdoc cref="ToBytes(OciManifest)"/>
    public static byte[] ToBytes(OciIndex index) => JsonSerializer.SerializeToUtf8Bytes(index with { Annotations = Ordinal(index.Annotations), Manifests = Canonical(index.Manifests), Subject = index.Subject is null ? null : Canonical(index.Subject) }, Options);

    /// <inheritdoc cref="ToBytes(OciManifest)"/>
    public static byte[] ToBytes(OciLayout layout) => JsonSerializer.SerializeToUtf8Bytes(layout, Options);

    /// <summary>A descriptor of these bytes.</summary>
    public static OciDescriptor Describe(ReadOnlySpan<byte> content, string mediaType) => new() { MediaType = mediaType, Digest = Digest.Of(content), Size = content.Length };

    /// <exception cref="ProtocolFormatException">Not an image manifest, or one with an empty config and no artifactType.</exception>
    public static OciManifest ParseManifest(ReadOnlySpan<byte> bytes)
    {
        var manifest = Parse<OciManifest>(bytes, "manifest");
        Check(manifest.SchemaVersion, manifest.MediaType, OciMediaTypes.Manifest);
        Check(manifest.Layers, "layers");
        Check([manifest.Config], "config");
        if (manifest.Subject is { } subject)
            Check([subject], "subject");
        if (manifest.Config.MediaType == OciMediaTypes.Empty && string.IsNullOrEmpty(manifest.ArtifactType))
            throw new ProtocolFormatException("A manifest with an empty config needs an artifactType.");
        return manifest;
    }

    /// <exception cref="ProtocolFormatException">Not an image index.</exception>
    public static OciIndex ParseIndex(ReadOnlySpan<byte> bytes)
    {
        var index = Parse<OciIndex>(bytes, "index");
        Check(index.SchemaVersion, index.MediaType, OciMediaTypes.Index);
        Check(index.Manifests, "manifests");
        return index;
    }

    /// <exception cref="ProtocolFormatException">Not an <c>oci-layout</c> file of version 1.</exception>
    public static OciLayout ParseLayout(ReadOnlySpan<byte> bytes)
    {
        var layout = Parse<OciLayout>(bytes, "layout");
        return layout.ImageLayoutVersion is { } version && version.StartsWith("1.", StringComparison.Ordinal)
            ? layout
            : throw new ProtocolFormatException($"OCI layout version '{layout.ImageLayoutVersion}' is not supported.");
    }

    private static T Parse<T>(ReadOnlySpan<byte> bytes, string what)
        where T : class
    {
        if (bytes.Length > MaxBytes)
            throw new ProtocolFormatException($"The OCI {what} is larger than {MaxBytes} bytes.");
        try
        {
            return JsonSerializer.Deserialize<T>(bytes, Options) ?? throw new ProtocolFormatException($"The OCI {what} is 'null'.");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new ProtocolFormatException($"The OCI {what} is not valid: {e.Message}", e);
        }
    }

    private static void Check(int schemaVersion, string? mediaType, string expected)
    {
        if (schemaVersion != 2)
            throw new ProtocolFormatException($"schemaVersion {schemaVersion} is not supported; 2 is.");
        if (mediaType != expected)
            throw new ProtocolFormatException($"mediaType '{mediaType}' is not '{expected}'.");
    }

    private static void Check(IReadOnlyList<OciDescriptor>? descriptors, string field)
    {
        if (descriptors is null)
            throw new ProtocolFormatException($"'{field}' is missing.");
        for (var i = 0; i < descriptors.Count; i++)
        {
            if (descriptors[i] is not { Size: >= 0, MediaType.Length: > 0, Digest.IsUnset: false })
                throw new ProtocolFormatException($"'{field}[{i}]' lacks a mediaType, a digest or a size that is not negative.");
        }
    }

    private static OciDescriptor Canonical(OciDescriptor descriptor) => descriptor with { Annotations = Ordinal(descriptor.Annotations) };

    private static OciDescriptor[] Canonical(IReadOnlyList<OciDescriptor> descriptors) => [.. descriptors.Select(Canonical)];

    private static SortedDictionary<string, string>? Ordinal(SortedDictionary<string, string>? annotations) =>
        annotations is null ? null : new SortedDictionary<string, string>(annotations, StringComparer.Ordinal);
}
