namespace Pilothouse.Client.Uploads;

/// <summary>How files are uploaded.</summary>
public sealed record UploadOptions
{
    /// <summary>Parts sent at once, 1..16. Each takes the memory of a part (16 MiB for files up to 256 GiB).</summary>
    public int Connections { get; init; } = 3;

    /// <summary>Told as bytes go out; called from several threads.</summary>
    public IProgress<UploadProgress>? Progress { get; init; }

    /// <summary>Project whose quota the content counts for; null = none.</summary>
    public string? Project { get; init; }

    /// <summary>Weight files (safetensors, GGUF) are compared with what the server has tensor by tensor, and only what changed is sent and stored.</summary>
    public bool ByTensor { get; init; } = true;

    /// <summary>How long a server that is away is waited for before the upload fails. What was sent stays: the next try goes on.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>How far a file is.</summary>
/// <param name="Path">The file.</param>
/// <param name="Done">Bytes that the server has, of <paramref name="Size"/>.</param>
/// <param name="Sent">Bytes that were sent now.</param>
public sealed record UploadProgress(string Path, long Done, long Size, long Sent);

/// <summary>What an upload did.</summary>
/// <param name="Size">Bytes of the file.</param>
/// <param name="Sent">Bytes that were sent: less than <paramref name="Size"/> when the server had it, or parts of it.</param>
/// <param name="Tensors">Tensors of a weight file that was compared tensor by tensor; 0 = it was not.</param>
/// <param name="TensorsSent">Those in the parts that were sent; the others the server had.</param>
public sealed record UploadedFile(string Path, string Digest, long Size, long Sent, int Tensors = 0, int TensorsSent = 0);
