using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>The reading side: commits and files of hosted repositories.</summary>
internal sealed partial class RepositoryService(Git git, IProjects projects) : IRepositories
{
    public const string ProjectFileName = "pilothouse.yaml";
    private const int MaxProjectFile = 1024 * 1024;
    private const int MaxLockFile = 64 * 1024 * 1024;
    private const int MaxLog = 1000;
    private const int MaxLogBytes = 4 * 1024 * 1024;
    private const int MaxRefBytes = 64 * 1024 * 1024;

    /// <summary>Refs of the server's own: hidden from clients.</summary>
    public const string InternalRefs = "refs/internal/";

    public async Task<string> ResolveAsync(string project, string revision, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (!RevisionPattern().IsMatch(revision)) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{revision}' is not a revision. Use a branch, a tag or a commit id.");
        var (exitCode, output, _) = await git.RunAsync(project, ["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"], 4096, ct);
        return exitCode == 0 ? Encoding.ASCII.GetString(output).Trim()
            : throw new PilothouseException(ErrorCode.NotFound, $"The repository of '{project}' has no commit '{revision}'. Push it first: git push {project} ...");
    }

    public async Task<byte[]?> ReadFileAsync(string project, string commit, string path, int maxBytes, CancellationToken ct)
    {
        var id = await ResolveAsync(project, commit, ct);
        var (exitCode, output, _) = await git.RunAsync(project, ["cat-file", "blob", $"{id}:{path}"], maxBytes, ct);
        return exitCode == 0 ? output : null;
    }

    public async Task<IReadOnlyList<Commit>> LogAsync(string project, string revision, int limit, CancellationToken ct)
    {
        var id = await ResolveAsync(project, revision, ct);
        var (exitCode, output, error) = await git.RunAsync(project,
            ["log", "--first-parent", $"--max-count={Math.Clamp(limit, 1, MaxLog)}", "--format=%H%x1f%an%x1f%ct%x1f%s", id, "--"], MaxLogBytes, ct);
        if (exitCode != 0) throw new PilothouseException(ErrorCode.Internal, $"git log failed: {error}");
        return [.. Encoding.UTF8.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(ParseLogLine)];
    }

    public async Task<string?> MergeBaseAsync(string project, string a, string b, CancellationToken ct)
    {
        var first = await ResolveAsync(project, a, ct);
        var second = await ResolveAsync(project, b, ct);
        var (exitCode, output, _) = await git.RunAsync(project, ["merge-base", first, second], 4096, ct);
        return exitCode == 0 ? Encoding.ASCII.GetString(output).Trim() : null;
    }

    public async Task<ProjectFile> ReadProjectFileAsync(string project, string commit, CancellationToken ct)
    {
        var declared = await ReadDeclaredAsync(project, commit, ct);
        if (!LockNeeds.FollowsAlias(declared) && LockNeeds.RegisteredPrompts(declared).Count == 0) return declared;
        // A model or prompt that follows an alias is, in a commit, the version that the lock of the commit says.
        var text = await ReadFileAsync(project, commit, LockFile.FileName, MaxLockFile, ct);
        var pinned = text is null ? null : LockFileReader.Parse(Encoding.UTF8.GetString(text)).File;
        var (file, unpinned) = LockNeeds.Pin(declared, pinned);
        return unpinned.Count == 0 ? file : throw new PilothouseException(ErrorCode.LockStale,
            $"In commit {commit} {string.Join(", ", unpinned.Select(m => $"models.{m}"))} follow{(unpinned.Count == 1 ? "s" : "")} an alias, and {(pinned is null ? $"there is no readable {LockFile.FileName}" : $"{LockFile.FileName} does not say which version that is")}. Run 'pilothouse lock', commit it and push.");
    }

    /// <summary>The project file as it stands: models that follow an alias have no version.</summary>
    internal async Task<ProjectFile> ReadDeclaredAsync(string project, string commit, CancellationToken ct)
    {
        var content = await ReadFileAsync(project, commit, ProjectFileName, MaxProjectFile, ct)
            ?? throw new PilothouseException(ErrorCode.NotFound, $"Commit {commit} of '{project}' has no {ProjectFileName} at its root. Make one with: pilothouse init");
        var result = ProjectFileReader.Parse(Encoding.UTF8.GetString(content));
        return result.File ?? throw new PilothouseException(ErrorCode.InvalidArgument,
            $"{ProjectFileName} of commit {commit} has {result.Faults.Count} fault(s):\n" + string.Join('\n', result.Faults.Select(f => $"{ProjectFileName}:{f}")));
    }

    /// <summary>Refs that people see with their commits, to tell what a push moved.</summary>
    internal async Task<Dictionary<string, string>> RefsAsync(string project, CancellationToken ct) =>
        (await AllRefsAsync(project, ct)).Where(r => !r.Key.StartsWith(InternalRefs, StringComparison.Ordinal)).ToDictionary();

    /// <summary>The server's own refs too.</summary>
    internal async Task<Dictionary<string, string>> AllRefsAsync(string project, CancellationToken ct)
    {
        var (_, output, _) = await git.RunAsync(project, ["for-each-ref", "--format=%(refname) %(objectname)"], MaxRefBytes, ct);
        return Encoding.UTF8.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')).ToDictionary(parts => parts[0], parts => parts[1]);
    }

    // 62afc21...<US>Ann<US>1767225600<US>Add the suite
    private static Commit ParseLogLine(string line)
    {
        var parts = line.Split('\x1f', 4);
        return new Commit(parts[0], parts[1], long.Parse(parts[2], CultureInfo.InvariantCulture) * 1000, parts[3]);
    }

    /// <summary>What git allows in names of refs and their suffixes (git-check-ref-format); never an option, a path or a range of files.</summary>
    [GeneratedRegex(@"^(?!-)[^\s\p{C}:?*\[\\]{1,200}$")]
    private static partial Regex RevisionPattern();
}
