using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Hub;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using ArtifactFile = Pilothouse.Protocols.V1.ArtifactFile;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>A push of a folder: operations on the newest revision become the next version of the registry, in one transaction.</summary>
internal sealed partial class HubCommits(HubRepos repos, HubStore store, IRegistryCommits registry, IDatasets datasets, IBlobStore blobs, IBlobQuota quota, TimeProvider time, ILogger<HubCommits> logger)
{
    /// <summary>Commits that are tried when somebody else's came first, and the client named no parent.</summary>
    private const int MaxTries = 5;

    /// <summary>Characters of a commit's message that become the version's description.</summary>
    private const int MaxDescription = 2_000;

    /// <returns>False when there is such a repository already.</returns>
    public async Task<bool> CreateAsync(string type, string id, string actor, CancellationToken ct)
    {
        HubNames.Require(id);
        try
        {
            await repos.HistoryAsync(type, id, ct);
            return false;
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return await store.CreateAsync(type, id, actor, time.NowMs(), ct);
        }
    }

    public async Task<HubRevision> CommitAsync(string type, string id, string? revision, Stream body, string actor, CancellationToken ct)
    {
        HubNames.Require(id);
        await RequireMainAsync(type, id, revision, ct);
        var owner = (await repos.FindAsync(type, id, HubRepos.Main, ct)).Project;
        var commit = await HubCommit.ReadAsync(body, async (file, token) =>
        {
            await quota.RequireRoomAsync(owner, [(Digest.Of(file.Content).ToString(), file.Content.Length)], token);
            var blob = await blobs.PutAsync(file.Content, token);
            return new HubLfsFile(file.Path, blob.Digest["sha256:".Length..], blob.Size);
        }, ct);
        var large = await LargeAsync(commit, ct);
        for (var attempt = 1; ; attempt++)
        {
            var head = await repos.FindAsync(type, id, HubRepos.Main, ct);
            if (commit.ParentCommit is { Length: > 0 } parent && !IsParent(head.Sha, parent)) throw Stale(parent, head.Sha);
            var files = Apply(head.Files, commit.Operations, large);
            if (Same(files, head.Files)) return head;
            if (files.Count == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "The commit would leave no file. A version has at least one.");
            try
            {
                return await RegisterAsync(type, id, head, files, Describe(commit), actor, ct);
            }
            catch (PilothouseException e) when (e.Code == ErrorCode.FailedPrecondition && attempt < MaxTries && commit.ParentCommit is null or "")
            {
                Raced(type, id, attempt);
            }
        }
    }

    /// <summary>Branches and pull requests are not kept; the only line of versions is main.</summary>
    private async Task RequireMainAsync(string type, string id, string? revision, CancellationToken ct)
    {
        await repos.HistoryAsync(type, id, ct);
        if (revision is not (null or "main" or "refs/heads/main"))
            throw HubFaults.NotFound(HubFaults.Revision, $"Commits go to main; '{(revision.Length > 100 ? revision[..100] : revision)}' is no branch of '{id}'. A version never changes; move an alias instead.");
    }

    /// <summary>The large files of the commit, each of which must have arrived with its size.</summary>
    private async Task<Dictionary<string, ArtifactFile>> LargeAsync(HubCommit commit, CancellationToken ct)
    {
        var large = new Dictionary<string, ArtifactFile>(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var file in commit.Operations.OfType<HubLfsFile>())
        {
            var held = await blobs.FindAsync("sha256:" + file.Oid, ct);
            if (held is null) missing.Add($"{file.Path} ({file.Oid})");
            else if (file.Size >= 0 && held.Size != file.Size) throw new PilothouseException(ErrorCode.DigestMismatch, $"'{file.Path}' is said to have {file.Size} bytes, its object has {held.Size}. Nothing was committed.");
            else large[file.Path] = new ArtifactFile(file.Path, held.Digest, held.Size);
        }
        if (missing.Count > 0) throw new PilothouseException(ErrorCode.InvalidArgument, $"{missing.Count} of the files were not uploaded: {string.Join(", ", missing.Take(20))}. Upload them (LFS batch), then commit again. Nothing was committed.");
        return large;
    }

    private static List<ArtifactFile> Apply(IReadOnlyList<ArtifactFile> held, IReadOnlyList<HubOperation> operations, Dictionary<string, ArtifactFile> large)
    {
        var files = held.ToDictionary(f => f.Path, StringComparer.Ordinal);
        foreach (var operation in operations)
        {
            switch (operation)
            {
                case HubLfsFile file: files[file.Path] = large[file.Path]; break;
                case HubDeletedFile gone:
                    if (!files.Remove(gone.Path)) throw HubFaults.NotFound(HubFaults.Entry, $"'{gone.Path}' is to be deleted, but is not there. Nothing was committed.");
                    break;
                case HubDeletedFolder folder:
                    var below = files.Keys.Where(p => p.StartsWith(folder.Path + "/", StringComparison.Ordinal)).ToList();
                    if (below.Count == 0) throw HubFaults.NotFound(HubFaults.Entry, $"The folder '{folder.Path}' is to be deleted, but has no file. Nothing was committed.");
                    foreach (var path in below) files.Remove(path);
                    break;
            }
        }
        return [.. files.Values.OrderBy(f => f.Path, StringComparer.Ordinal)];
    }

    private async Task<HubRevision> RegisterAsync(string type, string id, HubRevision head, List<ArtifactFile> files, string? description, string actor, CancellationToken ct)
    {
        var name = HubNames.ToRegistry(id);
        if (type == HubAddress.Dataset) return HubRepos.Of(id, await registry.CommitDatasetAsync(name, files, description, head.Project, head.Version, actor, ct));
        var card = await CardAsync(files, ct);
        // What the card names and the registry has becomes lineage; what it names elsewhere stays in the card.
        var trainedOn = new List<string>(head.Model?.Datasets ?? []);
        var known = await datasets.ListAsync(ct);
        foreach (var dataset in card.Texts("datasets"))
            if (HubAddress.IsValidId(dataset) && known.FirstOrDefault(d => d.Name == HubNames.ToRegistry(dataset)) is { } version && !trainedOn.Contains(version.Reference)) trainedOn.Add(version.Reference);
        return HubRepos.Of(id, await registry.CommitModelAsync(name, files, description, trainedOn, await BaseAsync(card, name, ct) ?? head.Model?.BaseModel, head.Project, head.Version, actor, ct));
    }

    private async Task<string?> BaseAsync(ModelCard card, string name, CancellationToken ct)
    {
        if (card.Texts("base_model") is not [var only, ..] || !HubAddress.IsValidId(only) || HubNames.ToRegistry(only) == name) return null;
        try
        {
            return (await repos.FindAsync(HubAddress.Model, only, null, ct)).Model?.Reference ?? "hf:" + only;
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return "hf:" + only;
        }
    }

    private async Task<ModelCard> CardAsync(List<ArtifactFile> files, CancellationToken ct) =>
        files.FirstOrDefault(f => f.Path == "README.md" && f.Size <= ModelCard.MaxBytes) is { } readme ? ModelCard.Parse(System.Text.Encoding.UTF8.GetString(await blobs.ReadAsync(readme.Digest, ModelCard.MaxBytes, ct))) : new ModelCard(null, null);

    private static bool IsParent(string head, string parent) => parent.Length >= 7 && head.StartsWith(parent, StringComparison.Ordinal) && ContentIsHex(parent);

    private static bool ContentIsHex(string text) => text.All(char.IsAsciiHexDigitLower);

    private static bool Same(List<ArtifactFile> files, IReadOnlyList<ArtifactFile> held) => files.Count == held.Count && files.SequenceEqual(held.OrderBy(f => f.Path, StringComparer.Ordinal));

    private static string? Describe(HubCommit commit)
    {
        var text = commit.Description.Length > 0 ? $"{commit.Summary}\n\n{commit.Description}" : commit.Summary;
        text = text.Replace("\0", "", StringComparison.Ordinal);
        return text.Length == 0 ? null : text.Length > MaxDescription ? text[..MaxDescription] : text;
    }

    private static PilothouseException Stale(string parent, string head) =>
        new(ErrorCode.FailedPrecondition, $"A commit has happened since: main is at {head}, not at {(parent.Length > 40 ? parent[..40] : parent)}. Please refresh and try again. Nothing was committed.");

    [LoggerMessage(1500, LogLevel.Information, "Commit to the {Type} {Id}: another came first, try {Attempt}")]
    private partial void Raced(string type, string id, int attempt);
}
