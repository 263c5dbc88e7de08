using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>The Hugging Face Hub API. Section <c>Hub</c>.</summary>
public sealed class HubOptions
{
    /// <summary>Files from this size on are uploaded in parts.</summary>
    [Range(1L << 20, 5L << 30)]
    public long MultipartBytes { get; set; } = 64L << 20;

    /// <summary>Minutes for which the address of an upload is good: long enough for a large file on a slow line.</summary>
    [Range(1, 7 * 24 * 60)]
    public int UploadMinutes { get; set; } = 6 * 60;
}
