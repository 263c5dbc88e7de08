using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>Section <c>Blobs:S3</c>. With a bucket, blobs are kept there instead of on the disk.</summary>
internal sealed class S3Options
{
    /// <summary>Bucket, which must exist; empty = blobs are kept on the disk.</summary>
    public string Bucket { get; set; } = "";

    /// <summary>Address of the service, e.g. <c>http://127.0.0.1:9000</c>; empty = AWS in <see cref="Region"/>.</summary>
    public string Endpoint { get; set; } = "";

    public string Region { get; set; } = "us-east-1";

    /// <summary>Empty = the machine's own (environment, profile, instance role).</summary>
    public string AccessKey { get; set; } = "";

    public string SecretKey { get; set; } = "";

    /// <summary>Put before every key, e.g. <c>pilothouse/</c>: several servers may share a bucket.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>Bytes of a part of an upload to the service; larger blobs are sent in parts.</summary>
    [Range(5 * 1024 * 1024, 1024 * 1024 * 1024, ErrorMessage = "Blobs:S3:PartBytes must be between 5 MiB and 1 GiB.")]
    public long PartBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>The service checks the SHA-256 of what it gets (<c>x-amz-checksum-sha256</c>). Turn it off for one that refuses the header.</summary>
    public bool Checksums { get; set; } = true;
}
