using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>Section <c>Blobs</c>.</summary>
internal sealed class BlobsOptions
{
    /// <summary>Uploads that may be open at once.</summary>
    [Range(1, 1_000_000, ErrorMessage = "Blobs:MaxOpenUploads must be between 1 and 1000000.")]
    public int MaxOpenUploads { get; set; } = 10_000;

    /// <summary>An upload to which nothing came for so long is forgotten.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00", ErrorMessage = "Blobs:UploadExpiry must be between a minute and a year.")]
    public TimeSpan UploadExpiry { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Bytes of local copies kept of contents that are no local file (made of parts, or in an object store).</summary>
    [Range(0, long.MaxValue, ErrorMessage = "Blobs:CacheBytes must not be negative.")]
    public long CacheBytes { get; set; } = 50L * 1024 * 1024 * 1024;
}
