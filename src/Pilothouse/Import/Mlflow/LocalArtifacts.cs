namespace Pilothouse.Import.Mlflow;

/// <summary>Finds artifacts of a local store on this machine's disk.</summary>
/// <param name="home">Folder of the store: relative locations begin there.</param>
/// <param name="proxied">Folder that the old server kept <c>mlflow-artifacts:</c> in (its --artifacts-destination); null = not known.</param>
internal sealed class LocalArtifacts(string home, string? proxied)
{
    private static readonly string[] Roots = ["/mlruns/", "/mlartifacts/"];

    /// <summary>An empty list when the folder is not there: a run without artifacts has none.</summary>
    /// <exception cref="UnreachableArtifactsException">A place that is not on a disk, or not on this one.</exception>
    public IEnumerable<ForeignFile> Files(string uri)
    {
        var root = Resolve(uri);
        if (!Directory.Exists(root)) return [];
        return Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Order(StringComparer.Ordinal).Select(file => new ForeignFile(Path.GetRelativePath(root, file).Replace('\\', '/'), _ => Task.FromResult<Stream>(File.OpenRead(file))));
    }

    private string Resolve(string uri)
    {
        const string proxy = "mlflow-artifacts:";
        if (uri.StartsWith(proxy, StringComparison.Ordinal))
        {
            if (proxied is null) throw new UnreachableArtifactsException($"{uri} was kept by the old server. Name its artifact folder: --artifacts DIR.");
            // mlflow-artifacts:/1/RUN/artifacts, or with a host: mlflow-artifacts://host/1/RUN/artifacts
            var rest = uri[proxy.Length..];
            if (rest.StartsWith("//", StringComparison.Ordinal)) rest = rest.IndexOf('/', 2) is > 0 and var slash ? rest[slash..] : "";
            return Below(proxied, rest);
        }
        if (uri.StartsWith("file:", StringComparison.Ordinal)) return Moved(Uri.UnescapeDataString(uri["file:".Length..] is var path && path.StartsWith("///", StringComparison.Ordinal) ? path[2..] : path));
        var colon = uri.IndexOf(':', StringComparison.Ordinal);
        if (colon > 1) throw new UnreachableArtifactsException($"{uri} is not on this machine; it stays there, and the run here points to it.");
        return Moved(uri);
    }

    /// <summary>A folder that was moved since: what follows <c>mlruns/</c> is looked for in the store's own folder.</summary>
    private string Moved(string path)
    {
        var full = Path.GetFullPath(path, home);
        if (Directory.Exists(full)) return full;
        foreach (var root in Roots)
            if (full.LastIndexOf(root, StringComparison.Ordinal) is >= 0 and var at && new[] { home, Path.Combine(home, root.Trim('/')) }.Select(h => Below(h, full[(at + root.Length)..])).FirstOrDefault(Directory.Exists) is { } found) return found;
        return full;
    }

    private static string Below(string root, string path)
    {
        var full = Path.GetFullPath(Path.Combine(root, path.Trim('/')));
        return full.StartsWith(Path.GetFullPath(root), StringComparison.Ordinal) ? full : throw new UnreachableArtifactsException($"{path} leads out of {root}.");
    }
}
