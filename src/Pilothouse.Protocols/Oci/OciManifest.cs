using System.Text.Json.Serialization;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Oci;

/// <summary>A reference to content.</summary>
public sealed record OciDescriptor
{
    /// <summary>The empty JSON object that stands for "no config".</summary>
    public static OciDescriptor Empty { get; } = new() { MediaType = OciMediaTypes.Empty, Digest = Digest.Of("{}"u8), Size = 2, Data = "e30=" };

    [JsonPropertyOrder(0)]
    public required string MediaType { get; init; }

    [JsonPropertyOrder(1), JsonConverter(typeof(DigestJsonConverter))]
    public required Digest Digest { get; init; }

    /// <summary>Bytes.</summary>
    [JsonPropertyOrder(2)]
    public required long Size { get; init; }

    /// <summary>The content itself in base64, for very small content.</summary>
    [JsonPropertyOrder(3)]
    public string? Data { get; init; }

    [JsonPropertyOrder(4)]
    public string? ArtifactType { get; init; }

    [JsonPropertyOrder(5)]
    public OciPlatform? Platform { get; init; }

    [JsonPropertyOrder(6)]
    public SortedDictionary<string, string>? Annotations { get; init; }
}

public sealed record OciPlatform(string Architecture, string Os);

/// <summary>An image manifest: also the form of every artifact (OCI 1.1). <see href="https://github.com/opencontainers/image-spec/blob/main/manifest.md"/></summary>
public sealed record OciManifest
{
    [JsonPropertyOrder(0)]
    public int SchemaVersion { get; init; } = 2;

    [JsonPropertyOrder(1)]
    public string MediaType { get; init; } = OciMediaTypes.Manifest;

    /// <summary>Required when the config is <see cref="OciDescriptor.Empty"/>.</summary>
    [JsonPropertyOrder(2)]
    public string? ArtifactType { get; init; }

    [JsonPropertyOrder(3)]
    public required OciDescriptor Config { get; init; }

    [JsonPropertyOrder(4)]
    public required IReadOnlyList<OciDescriptor> Layers { get; init; }

    /// <summary>The manifest that this one says something about.</summary>
    [JsonPropertyOrder(5)]
    public OciDescriptor? Subject { get; init; }

    [JsonPropertyOrder(6)]
    public SortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>An image index: the list of manifests of a layout, or of the referrers of a manifest.</summary>
public sealed record OciIndex
{
    [JsonPropertyOrder(0)]
    public int SchemaVersion { get; init; } = 2;

    [JsonPropertyOrder(1)]
    public string MediaType { get; init; } = OciMediaTypes.Index;

    [JsonPropertyOrder(2)]
    public string? ArtifactType { get; init; }

    [JsonPropertyOrder(3)]
    public required IReadOnlyList<OciDescriptor> Manifests { get; init; }

    [JsonPropertyOrder(4)]
    public OciDescriptor? Subject { get; init; }

    [JsonPropertyOrder(5)]
    public SortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>The file <c>oci-layout</c> of an image layout directory.</summary>
public sealed record OciLayout
{
    public string ImageLayoutVersion { get; init; } = "1.0.0";
}
