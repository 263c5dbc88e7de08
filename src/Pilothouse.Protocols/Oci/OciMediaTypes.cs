namespace Pilothouse.Protocols.Oci;

/// <summary>Media types of OCI, of CNCF ModelPack and of Pilothouse releases.</summary>
public static class OciMediaTypes
{
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";
    public const string Index = "application/vnd.oci.image.index.v1+json";
    public const string Config = "application/vnd.oci.image.config.v1+json";
    public const string Empty = "application/vnd.oci.empty.v1+json";
    public const string LayerTar = "application/vnd.oci.image.layer.v1.tar";
    public const string LayerTarGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

    /// <summary>Artifact type of a model package (CNCF ModelPack).</summary>
    public const string ModelManifest = "application/vnd.cncf.model.manifest.v1+json";
    public const string ModelConfig = "application/vnd.cncf.model.config.v1+json";
    public const string ModelWeightRaw = "application/vnd.cncf.model.weight.v1.raw";
    public const string ModelWeightConfigRaw = "application/vnd.cncf.model.weight.config.v1.raw";
    public const string ModelDocRaw = "application/vnd.cncf.model.doc.v1.raw";
    public const string ModelCodeRaw = "application/vnd.cncf.model.code.v1.raw";
    public const string ModelDatasetRaw = "application/vnd.cncf.model.dataset.v1.raw";

    /// <summary>Artifact type, and config, of a Pilothouse release.</summary>
    public const string Release = "application/vnd.pilothouse.release.v1+json";

    /// <summary>Artifact type of evidence that refers to a release: evaluation results.</summary>
    public const string Evaluation = "application/vnd.pilothouse.evaluation.v1+json";

    /// <summary>Artifact type of evidence that refers to a release: a fairness report.</summary>
    public const string Fairness = "application/vnd.pilothouse.fairness.v1+json";

    /// <summary>Artifact type of evidence that refers to a release: an approval.</summary>
    public const string Approval = "application/vnd.pilothouse.approval.v1+json";

    /// <summary>Artifact type of evidence that refers to a release: it was repeated.</summary>
    public const string Reproduction = "application/vnd.pilothouse.reproduction.v1+json";

    /// <summary>A DSSE envelope with an in-toto statement.</summary>
    public const string InToto = "application/vnd.in-toto+json";
}

/// <summary>Annotation keys.</summary>
public static class OciAnnotations
{
    public const string Title = "org.opencontainers.image.title";
    public const string Created = "org.opencontainers.image.created";
    public const string Revision = "org.opencontainers.image.revision";
    public const string Source = "org.opencontainers.image.source";
    public const string Version = "org.opencontainers.image.version";
    public const string Description = "org.opencontainers.image.description";

    /// <summary>Tag of a manifest in an image layout's index.</summary>
    public const string RefName = "org.opencontainers.image.ref.name";

    /// <summary>Path of a ModelPack layer's file.</summary>
    public const string ModelFilePath = "org.cncf.model.filepath";
}
