using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client.Runs;

/// <summary>What a buffer is for.</summary>
/// <param name="Server">Address the run is recorded on.</param>
/// <param name="New">How the run is made; null when it is another process's run that is only logged into.</param>
internal sealed record BufferHeader(string RunId, string Server, long CreatedMs, NewRun? New);

/// <summary>
/// A run on disk until the server has it: <c>run.json</c>, <c>journal.jsonl</c> (append-only), <c>stdout.log</c>, <c>stderr.log</c>, <c>files/N</c>, and <c>sent</c>, the byte of the
/// journal up to which the server has confirmed. Written before it is sent, so that SIGKILL loses nothing; the lock tells a live owner from a dead one.
/// </summary>
internal sealed class RunBuffer : IDisposable
{
    /// <summary>A journal that the server has whole starts anew at this size.</summary>
    private const long RestartAt = 8 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly FileStream _lock;
    private readonly SafeFileHandle _journal;
    private readonly Dictionary<string, SafeFileHandle> _logs = [];
    private readonly long _limit;
    private readonly long _others;
    private long _mine;
    private long _end;
    private int _files;

    private RunBuffer(string directory, BufferHeader header, FileStream owner, long limit)
    {
        (Directory, Header, _lock, _limit) = (directory, header, owner, limit);
        _journal = File.OpenHandle(JournalPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        _end = CutTornTail();
        Sent = Math.Min(ReadSent(), _end);
        _mine = SizeOf(directory);
        _others = SizeOf(RunsOf(Path.GetFullPath(Path.Combine(directory, "..", "..")))) - _mine;
        _files = System.IO.Directory.Exists(FilesPath) ? System.IO.Directory.GetFiles(FilesPath).Length : 0;
    }

    public string Directory { get; }

    public BufferHeader Header { get; }

    /// <summary>Byte of the journal up to which the server has confirmed.</summary>
    public long Sent { get; private set; }

    public bool AllSent
    {
        get { lock (_gate) return Sent == _end; }
    }

    /// <summary>When the owner last wrote anything.</summary>
    public DateTimeOffset LastWritten => new(new DirectoryInfo(Directory).EnumerateFiles().Where(f => f.Name is not ("sent" or "lock")).Max(f => f.LastWriteTimeUtc), TimeSpan.Zero);

    private string JournalPath => Path.Combine(Directory, "journal.jsonl");
    private string SentPath => Path.Combine(Directory, "sent");
    private string FilesPath => Path.Combine(Directory, "files");

    public static string DefaultRoot => Environment.GetEnvironmentVariable("PILOTHOUSE_BUFFER") is { Length: > 0 } given ? given
        : Path.Combine(Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? state : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"), "pilothouse");

    private static string RunsOf(string root) => Path.Combine(root, "runs");

    public static RunBuffer Create(string root, BufferHeader header, long limit)
    {
        // A run that several processes log into has a buffer for each.
        var name = header.New is null ? $"{header.RunId}-{Environment.ProcessId}-{Guid.CreateVersion7():N}" : header.RunId;
        var directory = Path.Combine(RunsOf(root), name);
        var made = System.IO.Directory.CreateDirectory(directory);
        if (!OperatingSystem.IsWindows()) made.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        var owner = TryLock(directory) ?? throw new IOException($"Another process records into {directory}.");
        File.WriteAllBytes(Path.Combine(directory, "run.json"), JsonSerializer.SerializeToUtf8Bytes(header, PilothouseClient.Json));
        return new RunBuffer(directory, header, owner, limit);
    }

    /// <summary>Buffers of a root, the oldest first.</summary>
    public static IReadOnlyList<string> List(string root) => !System.IO.Directory.Exists(RunsOf(root)) ? []
        : [.. new DirectoryInfo(RunsOf(root)).EnumerateDirectories().Where(d => File.Exists(Path.Combine(d.FullName, "run.json"))).OrderBy(d => d.CreationTimeUtc).ThenBy(d => d.Name, StringComparer.Ordinal).Select(d => d.FullName)];

    public static BufferHeader? ReadHeader(string directory)
    {
        try
        {
            return JsonSerializer.Deserialize<BufferHeader>(File.ReadAllBytes(Path.Combine(directory, "run.json")), PilothouseClient.Json);
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return null;
        }
    }

    /// <returns>Null when its owner lives.</returns>
    /// <exception cref="IOException">Not a buffer.</exception>
    public static RunBuffer? TryOpen(string directory, long limit)
    {
        if (TryLock(directory) is not { } owner) return null;
        if (ReadHeader(directory) is { } header) return new RunBuffer(directory, header, owner, limit);
        owner.Dispose();
        throw new IOException($"{Path.Combine(directory, "run.json")} cannot be read: the buffer is damaged and stays as it is.");
    }

    /// <exception cref="RunBufferFullException">Nothing was written.</exception>
    public void Append(JournalEntry entry)
    {
        var line = entry.ToLine();
        lock (_gate)
        {
            Reserve(line.Length);
            RandomAccess.Write(_journal, line, _end);
            _end += line.Length;
        }
    }

    /// <summary>Whole entries from a byte on, with the byte behind each.</summary>
    public List<(JournalEntry? Entry, long End)> Read(long from, int maxEntries)
    {
        const int block = 256 * 1024;
        var found = new List<(JournalEntry?, long)>();
        long end;
        lock (_gate) end = _end;
        var buffer = new byte[(int)Math.Min(block, end - from)];
        while (from < end && found.Count < maxEntries)
        {
            var read = RandomAccess.Read(_journal, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - from)), from);
            var at = 0;
            while (found.Count < maxEntries && buffer.AsSpan(at, read - at).IndexOf((byte)'\n') is var length and >= 0)
            {
                found.Add((JournalEntry.Parse(buffer.AsSpan(at, length)), from + at + length + 1));
                at += length + 1;
            }
            if (found.Count > 0) break; // the rest is read with the next call
            buffer = new byte[buffer.Length * 2]; // one entry longer than the block
        }
        return found;
    }

    /// <summary>The server has everything up to here.</summary>
    /// <param name="last">The end of the run was among it: the journal stays, to show that.</param>
    public void Confirm(long upTo, bool last)
    {
        lock (_gate)
        {
            Sent = upTo;
            if (!last && Sent == _end && _end >= RestartAt)
            {
                // In this order: cut short between the two, the server only gets again what it knows.
                Sent = 0;
                WriteSent();
                RandomAccess.SetLength(_journal, 0);
                _mine -= _end;
                _end = 0;
                return;
            }
            WriteSent();
        }
    }

    public void AppendLog(string stream, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            Reserve(bytes.Length);
            if (!_logs.TryGetValue(stream, out var log)) _logs[stream] = log = File.OpenHandle(LogPath(stream), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            RandomAccess.Write(log, bytes, RandomAccess.GetLength(log));
        }
    }

    public string LogPath(string stream) => Path.Combine(Directory, stream + ".log");

    /// <summary>Keeps a copy of a file, and its place among the artifacts.</summary>
    /// <exception cref="RunBufferFullException">Nothing was written.</exception>
    public async Task KeepFileAsync(Stream content, string path, CancellationToken ct)
    {
        string name;
        lock (_gate)
        {
            if (content.CanSeek) Reserve(content.Length - content.Position);
            name = $"files/{(++_files).ToString(CultureInfo.InvariantCulture)}";
        }
        System.IO.Directory.CreateDirectory(FilesPath);
        await using (var copy = File.Create(Path.Combine(Directory, name))) await content.CopyToAsync(copy, ct);
        Append(new JournalEntry(JournalEntry.File, path, name));
    }

    public void DropFile(string name)
    {
        var file = new FileInfo(Path.Combine(Directory, name));
        if (!file.Exists) return;
        lock (_gate) _mine -= file.Length;
        file.Delete();
    }

    /// <summary>An entry that the server refuses for good is kept beside the journal, with the reason.</summary>
    public void Refuse(JournalEntry entry, string reason) =>
        File.AppendAllText(RefusedPath, JsonSerializer.Serialize(new { entry, reason }, PilothouseClient.Json) + "\n");

    private string RefusedPath => Path.Combine(Directory, "refused.jsonl");

    /// <summary>So that a power cut loses nothing either.</summary>
    public void Sync()
    {
        lock (_gate)
        {
            RandomAccess.FlushToDisk(_journal);
            foreach (var log in _logs.Values) RandomAccess.FlushToDisk(log);
        }
    }

    /// <summary>The server has all: the buffer goes, but not the list of what was refused.</summary>
    /// <returns>Where that list is, or null.</returns>
    public string? Remove()
    {
        string? kept = null;
        if (File.Exists(RefusedPath))
        {
            var refused = System.IO.Directory.CreateDirectory(Path.Combine(Directory, "..", "..", "refused"));
            kept = Path.Combine(refused.FullName, Header.RunId + ".jsonl");
            File.AppendAllText(kept, File.ReadAllText(RefusedPath));
        }
        System.IO.Directory.Delete(Directory, recursive: true);
        return kept;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var log in _logs.Values) log.Dispose();
            _journal.Dispose();
            _lock.Dispose();
        }
    }

    private void Reserve(long bytes)
    {
        if (_others + _mine + bytes > _limit) throw new RunBufferFullException(Directory, _limit);
        _mine += bytes;
    }

    /// <summary>A last line without its end is a write that never finished.</summary>
    private long CutTornTail()
    {
        var length = RandomAccess.GetLength(_journal);
        var buffer = new byte[64 * 1024];
        for (var end = length; end > 0;)
        {
            var start = Math.Max(0, end - buffer.Length);
            var read = RandomAccess.Read(_journal, buffer.AsSpan(0, (int)(end - start)), start);
            if (buffer.AsSpan(0, read).LastIndexOf((byte)'\n') is var at and >= 0)
            {
                if (start + at + 1 < length) RandomAccess.SetLength(_journal, start + at + 1);
                return start + at + 1;
            }
            end = start;
        }
        if (length > 0) RandomAccess.SetLength(_journal, 0);
        return 0;
    }

    private long ReadSent() => File.Exists(SentPath) && long.TryParse(File.ReadAllText(SentPath), NumberStyles.None, CultureInfo.InvariantCulture, out var sent) ? sent : 0;

    private void WriteSent()
    {
        var next = SentPath + ".new";
        File.WriteAllText(next, Sent.ToString(CultureInfo.InvariantCulture));
        File.Move(next, SentPath, overwrite: true);
    }

    private static long SizeOf(string directory) => !System.IO.Directory.Exists(directory) ? 0 : new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);

    private static FileStream? TryLock(string directory)
    {
        try
        {
            return new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (System.IO.Directory.Exists(directory))
        {
            return null;
        }
    }
}
