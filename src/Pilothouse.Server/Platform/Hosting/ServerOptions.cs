namespace Pilothouse.Server.Platform;

/// <summary>Where the server keeps its data and listens. Section <c>Server</c>.</summary>
public sealed class ServerOptions
{
    /// <summary>Directory of the embedded database, blobs and repositories. Locked by one server at a time.</summary>
    public string Data { get; set; } = "";

    /// <summary>Addresses to listen on, separated by ';'.</summary>
    public string Urls { get; set; } = "http://127.0.0.1:7700";

    /// <summary>Npgsql connection string; empty = embedded SQLite in <see cref="Data"/>.</summary>
    public string Postgres { get; set; } = "";

    public string BlobsPath => Path.Combine(Data, "blobs");

    public string RepositoriesPath => Path.Combine(Data, "git");

    /// <summary>Keys that sign the forms of the web UI.</summary>
    public string KeysPath => Path.Combine(Data, "keys");

    public string TemporaryPath => Path.Combine(Data, "tmp");
}
