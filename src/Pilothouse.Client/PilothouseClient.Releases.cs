using System.Formats.Tar;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>Makes the release of a commit; the same commit always gives the same one.</summary>
    public Task<Release> CreateReleaseAsync(NewRelease release, CancellationToken ct) => PostAsync<Release>("api/v1/releases", release, ct);

    /// <summary>Newest first.</summary>
    /// <param name="project">Null = of all projects.</param>
    public Task<IReadOnlyList<Release>> ListReleasesAsync(string? project, CancellationToken ct) =>
        GetAsync<IReadOnlyList<Release>>("api/v1/releases" + (project is null ? "" : $"?project={Uri.EscapeDataString(project)}"), ct);

    /// <param name="reference">Digest, or its first eight or more digits.</param>
    public Task<Release> GetReleaseAsync(string reference, CancellationToken ct) => GetAsync<Release>($"api/v1/releases/{Uri.EscapeDataString(reference)}", ct);

    public Task<Release> ApproveReleaseAsync(string reference, string? comment, CancellationToken ct) =>
        PostAsync<Release>($"api/v1/releases/{Uri.EscapeDataString(reference)}/approvals", new NewApproval(comment), ct);

    /// <summary>Writes the release and the evidence about it as an OCI image layout. Every blob is hashed on the way and gets its name only when it is right; <c>index.json</c> is written last.</summary>
    /// <returns>Number of blobs.</returns>
    /// <exception cref="IOException">What arrived is not an image layout, or a blob has another digest than its name.</exception>
    public async Task<int> ExportReleaseAsync(string reference, string directory, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Get, $"api/v1/releases/{Uri.EscapeDataString(reference)}/oci-layout", null, ct);
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        await using var tar = new TarReader(body);
        var blobs = Path.Combine(directory, "blobs", "sha256");
        Directory.CreateDirectory(blobs);
        File.Delete(Path.Combine(directory, "index.json"));
        var (count, complete) = (0, false);
        while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
        {
            if (entry.Name is "oci-layout" or "index.json")
            {
                await WriteFileAsync(entry.DataStream ?? Stream.Null, Path.Combine(directory, entry.Name), expected: null, ct);
                complete |= entry.Name == "index.json";
            }
            else if (entry.Name.StartsWith("blobs/sha256/", StringComparison.Ordinal) && Digest.TryParseHex(entry.Name[13..], out var digest))
            {
                await WriteFileAsync(entry.DataStream ?? Stream.Null, Path.Combine(blobs, digest.Hex), digest, ct);
                count++;
            }
            else
            {
                throw new IOException($"The server sent '{entry.Name}', which is no part of an OCI layout.");
            }
        }
        return complete ? count : throw new IOException("The download ended before the layout was whole. Try again.");
    }
}
