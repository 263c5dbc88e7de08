using System.Net.Http.Json;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    public Task<IReadOnlyList<ModelSummary>> ListModelsAsync(CancellationToken ct) => GetAsync<IReadOnlyList<ModelSummary>>("api/v1/models", ct);

    /// <summary>Newest first.</summary>
    public Task<IReadOnlyList<ModelVersion>> ListModelVersionsAsync(string name, CancellationToken ct) =>
        GetAsync<IReadOnlyList<ModelVersion>>($"api/v1/models/{Uri.EscapeDataString(name)}/versions", ct);

    /// <param name="reference"><c>models:/NAME/VERSION</c>, <c>models:/NAME@ALIAS</c> or <c>models:/NAME/latest</c>.</param>
    /// <exception cref="ArgumentException">Not such a reference.</exception>
    public Task<ModelVersion> GetModelVersionAsync(string reference, CancellationToken ct)
    {
        if (!RegistryReference.TryParse(reference, RegistryReference.Models, out var r))
            throw new ArgumentException($"'{reference}' is not a model reference. Write models:/NAME/VERSION or models:/NAME@ALIAS.", nameof(reference));
        return GetAsync<ModelVersion>($"api/v1/models/{Uri.EscapeDataString(r.Name)}/{(r.Alias is not null ? $"aliases/{r.Alias}" : $"versions/{r.Version?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "latest"}")}", ct);
    }

    /// <summary>Registers files that are uploaded already. The same content again gives the version that has it.</summary>
    public Task<ModelVersion> RegisterModelAsync(string name, NewModelVersion version, CancellationToken ct) =>
        PostAsync<ModelVersion>($"api/v1/models/{Uri.EscapeDataString(name)}/versions", version, ct);

    /// <summary>Uploads the files of a directory that the server lacks and registers them as a version.</summary>
    /// <param name="describe">Makes the version of the files.</param>
    /// <exception cref="Protocols.ProtocolFormatException">The directory holds a symbolic link or a name that cannot be stored.</exception>
    public async Task<ModelVersion> RegisterModelDirectoryAsync(string name, string directory, Func<IReadOnlyList<ArtifactFile>, NewModelVersion> describe, CancellationToken ct) =>
        await RegisterModelAsync(name, describe((await UploadDirectoryAsync(directory, new UploadOptions(), ct)).Files), ct);

    /// <summary>Uploads the files of a directory that the server lacks.</summary>
    /// <returns>The files as a version lists them, and what each upload did.</returns>
    /// <exception cref="Protocols.ProtocolFormatException">The directory holds a symbolic link or a name that cannot be stored.</exception>
    public async Task<(IReadOnlyList<ArtifactFile> Files, IReadOnlyList<UploadedFile> Uploaded)> UploadDirectoryAsync(string directory, UploadOptions options, CancellationToken ct)
    {
        var paths = ContentManifest.ListDirectory(directory);
        var uploaded = await UploadFilesAsync([.. paths.Select(p => Path.Combine(directory, p))], options, ct);
        var manifest = ContentManifest.Create(paths.Zip(uploaded, (path, file) => new ContentFile(path, file.Size, Digest.Parse(file.Digest))));
        return ([.. manifest.Files.Select(f => new ArtifactFile(f.Path, f.Digest.ToString(), f.Size))], uploaded);
    }

    /// <summary>Writes the files of a version below a directory; each is checked against its digest before it gets its name.</summary>
    /// <exception cref="IOException">What arrived does not have its digest.</exception>
    public async Task PullModelAsync(ModelVersion version, string directory, CancellationToken ct)
    {
        if (version.Digest is null) throw new IOException($"The files of {version.Reference} are not on this server but at {version.Source}. Fetch them there.");
        // The server may be anyone's: its paths and digests are checked like other input.
        var manifest = ContentManifest.Create(version.Files.Select(f => new ContentFile(f.Path, f.Size, Digest.Parse(f.Digest))));
        if (manifest.Digest.ToString() != version.Digest) throw new IOException($"The server says that {version.Reference} is {version.Digest}, its list of files gives {manifest.Digest}.");
        foreach (var file in manifest.Files)
        {
            var path = Path.Combine(directory, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await DownloadFileAsync(file.Digest, path, ct);
        }
    }

    public Task<ModelVersion> SetModelAliasAsync(string name, string alias, int version, CancellationToken ct) => SetModelAliasAsync(name, alias, version, null, ct);

    /// <param name="reason">Why; stands in the history of the alias and in the audit log.</param>
    public async Task<ModelVersion> SetModelAliasAsync(string name, string alias, int version, string? reason, CancellationToken ct) =>
        await SendAsync<ModelVersion>(HttpMethod.Put, $"api/v1/models/{Uri.EscapeDataString(name)}/aliases/{Uri.EscapeDataString(alias)}", JsonContent.Create(new AliasTarget(version, reason), options: Json), ct);

    public async Task DeleteModelAliasAsync(string name, string alias, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Delete, $"api/v1/models/{Uri.EscapeDataString(name)}/aliases/{Uri.EscapeDataString(alias)}", null, ct);
    }

    /// <summary>All versions of all prompts.</summary>
    public Task<IReadOnlyList<PromptVersion>> ListPromptsAsync(CancellationToken ct) => GetAsync<IReadOnlyList<PromptVersion>>("api/v1/prompts", ct);

    public Task<PromptVersion> RegisterPromptAsync(string name, NewPromptVersion version, CancellationToken ct) =>
        PostAsync<PromptVersion>($"api/v1/prompts/{Uri.EscapeDataString(name)}/versions", version, ct);

    public Task<PromptVersion> GetPromptByAliasAsync(string name, string alias, CancellationToken ct) => GetAsync<PromptVersion>(PromptAlias(name, alias), ct);

    public async Task<PromptVersion> SetPromptAliasAsync(string name, string alias, int version, string? reason, CancellationToken ct) =>
        await SendAsync<PromptVersion>(HttpMethod.Put, PromptAlias(name, alias), JsonContent.Create(new AliasTarget(version, reason), options: Json), ct);

    public async Task DeletePromptAliasAsync(string name, string alias, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Delete, PromptAlias(name, alias), null, ct);
    }

    /// <summary>Deletes a version for good. Refused, with their names, while an alias, a release or a deployment stands on it.</summary>
    /// <param name="reference"><c>models:/NAME/VERSION</c>, <c>prompts:/...</c>, <c>datasets:/...</c> or <c>suites:/...</c>.</param>
    /// <param name="reason">Why; stands in the audit log.</param>
    /// <exception cref="ArgumentException">Not such a reference.</exception>
    public async Task DeleteVersionAsync(string reference, string reason, CancellationToken ct)
    {
        foreach (var scheme in (string[])[RegistryReference.Models, RegistryReference.Prompts, RegistryReference.Datasets, RegistryReference.Suites])
        {
            if (!RegistryReference.TryParse(reference, scheme, out var r) || r.Version is not { } version) continue;
            using var response = await SendAsync(HttpMethod.Delete, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"api/v1/{scheme}/{Uri.EscapeDataString(r.Name)}/versions/{version}?reason={Uri.EscapeDataString(reason)}"), null, ct);
            return;
        }
        throw new ArgumentException($"'{reference}' names no version. Write models:/NAME/VERSION, or prompts:/, datasets:/, suites:/.", nameof(reference));
    }

    private static string PromptAlias(string name, string alias) => $"api/v1/prompts/{Uri.EscapeDataString(name)}/aliases/{Uri.EscapeDataString(alias)}";
}
