namespace Pilothouse.Server.Platform;

/// <summary>The data directory, held by this server alone while it runs.</summary>
public sealed class DataDirectory : IDisposable
{
    private readonly FileStream _lock;

    private DataDirectory(FileStream lockFile) => _lock = lockFile;

    /// <exception cref="StartupException">No directory is given, it cannot be written, or another server holds it.</exception>
    public static DataDirectory Open(ServerOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Data))
            throw new StartupException("No data directory is given. Say where the server keeps its data: pilothouse serve --data DIR (or PILOTHOUSE_Server__Data).");
        options.Data = Path.GetFullPath(options.Data);
        try
        {
            // Of no other user's business: keys and repositories are there. One that exists keeps its mode.
            if (!OperatingSystem.IsWindows()) Directory.CreateDirectory(options.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (var path in (string[])[options.Data, options.BlobsPath, options.RepositoriesPath, options.TemporaryPath]) Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"The data directory {options.Data} cannot be written: {e.Message}");
        }

        var path2 = Path.Combine(options.Data, "pilothouse.lock");
        try
        {
            return new DataDirectory(new FileStream(path2, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            throw new StartupException($"The data directory {options.Data} is in use by another Pilothouse server. Stop that one, or give this one another --data directory.");
        }
    }

    public void Dispose() => _lock.Dispose();
}
