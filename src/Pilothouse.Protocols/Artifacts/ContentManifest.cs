using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>One file of a <see cref="ContentManifest"/>.</summary>
/// <param name="Path">Relative, with <c>/</c>; no <c>.</c>, <c>..</c>, backslash or control character.</param>
/// <param name="Size">Bytes, 0 or more.</param>
/// <param name="Digest">SHA-256 of the bytes.</param>
public sealed record ContentFile(
    [property: JsonPropertyName("path")] string Path,
    [property: JsonPropertyName("size")] long Size,
    [property: JsonPropertyName("digest"), JsonConverter(typeof(DigestJsonConverter))] Digest Digest);

/// <summary>
/// The files of a directory and, from them, the <b>content digest</b> of the directory as a whole: the SHA-256 of the UTF-8 lines
/// <c>sha256:HEX  SIZE  PATH\n</c> (two spaces between), in the ordinal order of the paths' UTF-16 text.
/// </summary>
public sealed class ContentManifest
{
    /// <summary>Most files of one manifest.</summary>
    public const int MaxFiles = 100_000;

    /// <summary>Longest text that is parsed, in characters.</summary>
    public const int MaxTextLength = 64 * 1024 * 1024;

    private ContentManifest(IReadOnlyList<ContentFile> files, string text)
    {
        Files = files;
        Text = text;
        Digest = Digest.Of(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>The files in canonical order.</summary>
    public IReadOnlyList<ContentFile> Files { get; }

    /// <summary>The canonical text whose digest is <see cref="Digest"/>.</summary>
    public string Text { get; }

    /// <summary>The content digest of the whole.</summary>
    public Digest Digest { get; }

    /// <summary>Sum of the files' sizes in bytes.</summary>
    public long TotalSize => Files.Sum(f => f.Size);

    /// <exception cref="ProtocolFormatException">A path is not allowed or given twice, a size is negative, or there are too many files.</exception>
    public static ContentManifest Create(IEnumerable<ContentFile> files)
    {
        var ordered = files.Take(MaxFiles + 1).OrderBy(f => f.Path, StringComparer.Ordinal).ToArray();
        if (ordered.Length > MaxFiles)
            throw new ProtocolFormatException($"A manifest holds at most {MaxFiles:N0} files.");
        var text = new StringBuilder();
        string? previous = null;
        foreach (var file in ordered)
        {
            if (!IsValidPath(file.Path))
                throw new ProtocolFormatException($"'{Printable(file.Path)}' is not a relative path inside the directory.");
            if (file.Path == previous)
                throw new ProtocolFormatException($"The path '{file.Path}' is given twice.");
            if (file.Size < 0 || file.Digest.IsUnset)
                throw new ProtocolFormatException($"The file '{file.Path}' has no valid size and digest.");
            previous = file.Path;
            text.Append(CultureInfo.InvariantCulture, $"{file.Digest}  {file.Size}  {file.Path}\n");
        }

        return new ContentManifest(ordered, text.ToString());
    }

    /// <summary>Reads all files below a directory.</summary>
    /// <exception cref="ProtocolFormatException">There is a symbolic link (its target could change unseen) or a forbidden name.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static async Task<ContentManifest> OfDirectoryAsync(string directory, CancellationToken ct)
    {
        var files = new List<ContentFile>();
        foreach (var path in ListDirectory(directory))
        {
            var stream = new FileStream(Path.Combine(directory, path), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 17, useAsync: true);
            await using (stream.ConfigureAwait(false))
            {
                var digest = await Digest.OfAsync(stream, ct).ConfigureAwait(false);
                files.Add(new ContentFile(path, stream.Position, digest));
            }
        }

        return Create(files);
    }

    /// <summary>Paths of all files below a directory, with <c>/</c>.</summary>
    /// <exception cref="ProtocolFormatException">There is a symbolic link (its target could change unseen), a forbidden name, or there are too many files.</exception>
    public static IReadOnlyList<string> ListDirectory(string directory)
    {
        var paths = new List<string>();
        var root = new DirectoryInfo(directory);
        foreach (var entry in root.EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, MaxRecursionDepth = 64 }))
        {
            var path = Path.GetRelativePath(root.FullName, entry.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (entry.LinkTarget is not null)
                throw new ProtocolFormatException($"'{path}' is a symbolic link; put the file itself there.");
            if (entry is not FileInfo)
                continue;
            if (paths.Count == MaxFiles)
                throw new ProtocolFormatException($"A manifest holds at most {MaxFiles:N0} files.");
            if (!IsValidPath(path))
                throw new ProtocolFormatException($"'{Printable(path)}' is not a relative path inside the directory.");
            paths.Add(path);
        }

        return paths;
    }

    /// <summary>Reads the canonical text back; anything that is not exactly canonical is refused.</summary>
    public static ContentManifest Parse(string text)
    {
        if (text.Length > MaxTextLength)
            throw new ProtocolFormatException("The manifest is too long.");
        var files = new List<ContentFile>();
        foreach (var line in text.Split('\n')[..^1])
        {
            // sha256:ab..  1024  weights/model.safetensors
            var parts = line.Split("  ", 3);
            if (parts.Length != 3
                || !Digest.TryParse(parts[0], out var digest)
                || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            {
                throw new ProtocolFormatException($"Line {files.Count + 1} of the manifest is not 'sha256:HEX  SIZE  PATH'.");
            }

            files.Add(new ContentFile(parts[2], size, digest));
        }

        var manifest = Create(files);
        return manifest.Text == text ? manifest : throw new ProtocolFormatException("The manifest is not in canonical order and form.");
    }

    /// <summary><c>{"digest":"sha256:..","files":[{"path":..,"size":..,"digest":..}]}</c></summary>
    public string ToJson() => JsonSerializer.Serialize(new Wire(Digest, Files));

    /// <exception cref="ProtocolFormatException">Not such JSON, or its digest is not that of its files.</exception>
    public static ContentManifest ParseJson(string json)
    {
        if (json.Length > MaxTextLength)
            throw new ProtocolFormatException("The manifest is too long.");
        Wire? wire;
        try
        {
            wire = JsonSerializer.Deserialize<Wire>(json);
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"The manifest is not valid JSON: {e.Message}", e);
        }

        if (wire?.Files is not { } files || files.Any(f => f?.Path is null))
            throw new ProtocolFormatException("The manifest has no list of files with their paths.");
        var manifest = Create(files);
        return manifest.Digest == wire.Digest ? manifest : throw new ProtocolFormatException($"The manifest says {wire.Digest}, its files give {manifest.Digest}.");
    }

    /// <summary>True for a relative path with <c>/</c> that stays inside and holds no control character.</summary>
    public static bool IsValidPath(string path) =>
        path.Length is > 0 and <= 1024
        && path[0] != '/'
        && !path.Contains('\\')
        && !path.Any(char.IsControl)
        && !path.Split('/').Any(part => part is "" or "." or "..");

    private static string Printable(string path) => string.Concat((path.Length <= 200 ? path : path[..200]).Select(c => char.IsControl(c) ? '?' : c));

    private sealed record Wire(
        [property: JsonPropertyName("digest"), JsonConverter(typeof(DigestJsonConverter))] Digest Digest,
        [property: JsonPropertyName("files")] IReadOnlyList<ContentFile> Files);
}

/// <summary>A digest in JSON is its written form.</summary>
public sealed class DigestJsonConverter : JsonConverter<Digest>
{
    public override Digest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && Digest.TryParse(reader.GetString(), out var digest)
            ? digest
            : throw new JsonException("A digest is 'sha256:' and 64 lower-case hex digits.");

    public override void Write(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
