using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>
/// Name of immutable content: <c>sha256:</c> and 64 lower-case hex digits, nothing else. The form of OCI's
/// <see href="https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests">digests</see>, of that algorithm only.
/// </summary>
public readonly struct Digest : IEquatable<Digest>, IComparable<Digest>
{
    /// <summary>Length of the written form: <c>sha256:</c> and 64 digits.</summary>
    public const int TextLength = 71;

    private const string Prefix = "sha256:";
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private readonly string? _hex;

    private Digest(string hex) => _hex = hex;

    /// <summary>The 64 lower-case hex digits.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default(Digest)</c>, which names nothing.</exception>
    public string Hex => _hex ?? throw new InvalidOperationException("An unset digest names nothing.");

    /// <summary>True for <c>default(Digest)</c>.</summary>
    public bool IsUnset => _hex is null;

    public static bool operator ==(Digest left, Digest right) => left.Equals(right);

    public static bool operator !=(Digest left, Digest right) => !left.Equals(right);

    public static bool operator <(Digest left, Digest right) => left.CompareTo(right) < 0;

    public static bool operator <=(Digest left, Digest right) => left.CompareTo(right) <= 0;

    public static bool operator >(Digest left, Digest right) => left.CompareTo(right) > 0;

    public static bool operator >=(Digest left, Digest right) => left.CompareTo(right) >= 0;

    /// <summary>Reads <c>sha256:</c> and 64 lower-case hex digits.</summary>
    /// <exception cref="ProtocolFormatException">Anything else.</exception>
    public static Digest Parse(string text) =>
        TryParse(text, out var digest)
            ? digest
            : throw new ProtocolFormatException("A digest is 'sha256:' and 64 lower-case hex digits.");

    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        return text is { Length: TextLength } && text.StartsWith(Prefix, StringComparison.Ordinal) && TryParseHex(text[Prefix.Length..], out digest);
    }

    /// <summary>Reads the bare 64 lower-case hex digits, as LFS and file names hold them.</summary>
    public static bool TryParseHex([NotNullWhen(true)] string? hex, out Digest digest)
    {
        digest = default;
        if (hex is not { Length: 64 } || hex.AsSpan().ContainsAnyExcept(HexDigits))
            return false;
        digest = new Digest(hex);
        return true;
    }

    /// <summary>The digest of these bytes.</summary>
    public static Digest Of(ReadOnlySpan<byte> content) => FromHash(SHA256.HashData(content));

    /// <summary>The digest of all that is left in the stream.</summary>
    public static async ValueTask<Digest> OfAsync(Stream content, CancellationToken ct) => FromHash(await SHA256.HashDataAsync(content, ct).ConfigureAwait(false));

    /// <summary>The digest whose 32 raw bytes these are.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static Digest FromHash(ReadOnlySpan<byte> hash) =>
        hash.Length == SHA256.HashSizeInBytes
            ? new Digest(Convert.ToHexStringLower(hash))
            : throw new ArgumentException("A SHA-256 hash has 32 bytes.", nameof(hash));

    /// <summary>The 32 raw bytes.</summary>
    public byte[] ToBytes() => Convert.FromHexString(Hex);

    public bool Equals(Digest other) => string.Equals(_hex, other._hex, StringComparison.Ordinal);

    public override bool Equals(object? obj) => obj is Digest other && Equals(other);

    public override int GetHashCode() => _hex is null ? 0 : string.GetHashCode(_hex, StringComparison.Ordinal);

    public int CompareTo(Digest other) => string.CompareOrdinal(_hex, other._hex);

    /// <summary>The written form, or the empty text for an unset digest.</summary>
    public override string ToString() => _hex is null ? "" : Prefix + _hex;
}
