using System.Text.Json;

namespace Pilothouse.Protocols.Hub;

/// <summary>One line of a commit.</summary>
public abstract record HubOperation(string Path);

/// <summary>A small file, sent with the commit.</summary>
public sealed record HubFile(string Path, byte[] Content) : HubOperation(Path);

/// <summary>A large file, uploaded before.</summary>
/// <param name="Oid">SHA-256 in hex.</param>
public sealed record HubLfsFile(string Path, string Oid, long Size) : HubOperation(Path);

public sealed record HubDeletedFile(string Path) : HubOperation(Path);

public sealed record HubDeletedFolder(string Path) : HubOperation(Path);

/// <summary>
/// The body of <c>POST /api/models/ID/commit/REV</c>, one JSON object a line:
/// <code>
/// {"key":"header","value":{"summary":"Upload","description":"","parentCommit":"9f86..."}}
/// {"key":"file","value":{"path":"README.md","encoding":"base64","content":"IyBI"}}
/// {"key":"lfsFile","value":{"path":"model.safetensors","algo":"sha256","oid":"4d7a...","size":12345}}
/// {"key":"deletedFile","value":{"path":"old.bin"}}
/// </code>
/// See <see href="https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/_commit_api.py">its writer</see>.
/// </summary>
public sealed record HubCommit(string Summary, string Description, string? ParentCommit, IReadOnlyList<HubOperation> Operations)
{
    /// <summary>Bytes of one line: a file of 10 MiB in Base64, and its path.</summary>
    public const int MaxLine = 16 * 1024 * 1024;

    /// <summary>Bytes of all small files of one commit.</summary>
    public const long MaxContent = 512L * 1024 * 1024;

    /// <summary>Files and folders of one commit.</summary>
    public const int MaxOperations = 25_000;

    private const int MaxText = 20_000;

    /// <summary>Reads the body line by line.</summary>
    /// <param name="keep">Stores the content of a small file at once, so that not all of them are held; returns what stands in its place.</param>
    /// <exception cref="ProtocolFormatException">A line is none of these, or too long; with its number.</exception>
    public static async Task<HubCommit> ReadAsync(Stream body, Func<HubFile, CancellationToken, Task<HubOperation>> keep, CancellationToken ct)
    {
        var operations = new List<HubOperation>();
        (string Summary, string Description, string? Parent)? header = null;
        var (number, content) = (0, 0L);
        await foreach (var line in LinesAsync(body, ct).ConfigureAwait(false))
        {
            number++;
            if (line.AsSpan().IndexOfAnyExcept(" \t\r"u8) < 0) continue;
            if (operations.Count == MaxOperations) throw new ProtocolFormatException($"The commit has more than {MaxOperations} files. Split it.");
            using var json = Parse(line, number);
            var (key, value) = Entry(json.RootElement, number);
            if (key == "header")
            {
                if (header is not null) throw Fault(number, "is a second header");
                header = (Text(value, "summary", number, MaxText) ?? "", Text(value, "description", number, MaxText) ?? "", Text(value, "parentCommit", number, 64));
                continue;
            }
            var operation = Operation(key, value, number);
            if (operation is HubFile file)
            {
                content += file.Content.Length;
                if (content > MaxContent) throw new ProtocolFormatException($"The small files of the commit have more than {MaxContent} bytes. Upload them as large files, or split the commit.");
                operation = await keep(file, ct).ConfigureAwait(false);
            }
            operations.Add(operation);
        }
        return header is { } h ? new HubCommit(h.Summary, h.Description, h.Parent, operations) : throw new ProtocolFormatException("The commit has no line with the key 'header'.");
    }

    private static JsonDocument Parse(byte[] line, int number)
    {
        if (!System.Text.Unicode.Utf8.IsValid(line)) throw Fault(number, "is not UTF-8");
        try
        {
            return JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 16 });
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"Line {number} of the commit is not JSON.", e);
        }
    }

    private static (string Key, JsonElement Value) Entry(JsonElement line, int number)
    {
        try
        {
            return line.ValueKind == JsonValueKind.Object && line.TryGetProperty("key", out var key) && key.ValueKind == JsonValueKind.String && line.TryGetProperty("value", out var value) && value.ValueKind == JsonValueKind.Object
                ? (key.GetString()!, value) : throw Fault(number, "is not an object with a key and a value");
        }
        catch (InvalidOperationException e)
        {
            throw new ProtocolFormatException($"Line {number} of the commit holds half a character.", e);
        }
    }

    private static HubOperation Operation(string key, JsonElement value, int number)
    {
        var path = Text(value, "path", number, 1024);
        if (path is null || !Artifacts.ContentManifest.IsValidPath(key == "deletedFolder" ? path.TrimEnd('/') : path)) throw Fault(number, "has no path inside the repository");
        switch (key)
        {
            case "file":
                if (Text(value, "encoding", number, 16) is not (null or "base64" or "utf-8")) throw Fault(number, "has an encoding that is not base64");
                if (!value.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.String) throw Fault(number, "has no content");
                if (Text(value, "encoding", number, 16) is "utf-8") return new HubFile(path, System.Text.Encoding.UTF8.GetBytes(Text(value, "content", number, MaxLine) ?? ""));
                return content.TryGetBytesFromBase64(out var bytes) ? new HubFile(path, bytes) : throw Fault(number, "has a content that is not base64");
            case "lfsFile":
                if (Text(value, "algo", number, 16) is not (null or "sha256") || Text(value, "oid", number, 64) is not { } oid || !Lfs.LfsPointer.IsOid(oid)) throw Fault(number, "has no SHA-256 as its oid");
                return new HubLfsFile(path, oid, value.TryGetProperty("size", out var size) && size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out var bytesOf) && bytesOf >= 0 ? bytesOf : -1);
            case "deletedFile" or "deletedEntry": return new HubDeletedFile(path);
            case "deletedFolder": return new HubDeletedFolder(path.TrimEnd('/'));
            default: throw Fault(number, $"has the key '{(key.Length > 40 ? key[..40] : key)}', which is not one of header, file, lfsFile, deletedFile, deletedFolder");
        }
    }

    private static string? Text(JsonElement value, string name, int number, int max)
    {
        if (!value.TryGetProperty(name, out var text) || text.ValueKind == JsonValueKind.Null) return null;
        try
        {
            return text.ValueKind == JsonValueKind.String && text.GetString() is var read && read!.Length <= max ? read : throw Fault(number, $"has a '{name}' that is no text, or a too long one");
        }
        catch (InvalidOperationException e)
        {
            throw new ProtocolFormatException($"Line {number} of the commit holds half a character.", e);
        }
    }

    private static async IAsyncEnumerable<byte[]> LinesAsync(Stream body, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var (buffer, start, end) = (new byte[64 * 1024], 0, 0);
        var number = 0;
        while (true)
        {
            var length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length >= 0)
            {
                number++;
                yield return buffer[start..(start + length)];
                start += length + 1;
                continue;
            }
            if (end - start > MaxLine) throw new ProtocolFormatException($"Line {number + 1} of the commit is longer than {MaxLine} bytes. Upload large files by LFS.");
            var held = end - start;
            var target = held * 2 > buffer.Length ? new byte[held * 2] : buffer;
            buffer.AsSpan(start, held).CopyTo(target);
            (buffer, start, end) = (target, 0, held);
            var read = await body.ReadAsync(buffer.AsMemory(end), ct).ConfigureAwait(false);
            if (read == 0) break;
            end += read;
        }
        if (end > start) yield return buffer[start..end];
    }

    private static ProtocolFormatException Fault(int number, string what) => new($"Line {number} of the commit {what}.");
}
