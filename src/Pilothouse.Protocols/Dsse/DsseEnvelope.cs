using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Dsse;

/// <summary>A signature of a <see cref="DsseEnvelope"/>.</summary>
/// <param name="KeyId">A hint which key made it, or null; never trusted.</param>
/// <param name="Sig">The signature in base64.</param>
public sealed record DsseSignature([property: JsonPropertyName("keyid")] string? KeyId, [property: JsonPropertyName("sig")] string Sig);

/// <summary>
/// A signed payload of any type. Verify the signature over <see cref="PreAuthenticationEncoding"/> of the decoded payload first, then
/// use exactly those bytes. <see href="https://github.com/secure-systems-lab/dsse/blob/master/protocol.md"/>
/// </summary>
public sealed record DsseEnvelope
{
    /// <summary>Largest envelope that is read, in bytes.</summary>
    public const int MaxBytes = 32 * 1024 * 1024;

    /// <summary>Most signatures.</summary>
    public const int MaxSignatures = 100;

    private static readonly JsonSerializerOptions Options = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>The payload in base64.</summary>
    [JsonPropertyName("payload")]
    public required string Payload { get; init; }

    /// <summary>Such as <c>application/vnd.in-toto+json</c>.</summary>
    [JsonPropertyName("payloadType")]
    public required string PayloadType { get; init; }

    [JsonPropertyName("signatures")]
    public required IReadOnlyList<DsseSignature> Signatures { get; init; }

    /// <summary><c>"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body</c>: the bytes that are signed.</summary>
    public static byte[] PreAuthenticationEncoding(string payloadType, ReadOnlySpan<byte> payload)
    {
        var type = Encoding.UTF8.GetBytes(payloadType);
        return
        [
            .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"DSSEv1 {type.Length} ")),
            .. type,
            .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $" {payload.Length} ")),
            .. payload,
        ];
    }

    /// <summary>Reads an envelope and checks that everything in it decodes.</summary>
    /// <exception cref="ProtocolFormatException">Not such an envelope.</exception>
    public static DsseEnvelope Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > MaxBytes)
            throw new ProtocolFormatException($"The DSSE envelope is larger than {MaxBytes} bytes.");
        try
        {
            var envelope = JsonSerializer.Deserialize<DsseEnvelope>(json, Options);
            if (envelope is not { Payload: not null, PayloadType.Length: > 0, Signatures: { Count: > 0 and <= MaxSignatures } signatures } || signatures.Any(s => s?.Sig is null))
                throw new ProtocolFormatException($"The DSSE envelope lacks its payload, payloadType or signatures (1 to {MaxSignatures}).");
            envelope.PayloadBytes();
            foreach (var signature in signatures)
                Decode(signature.Sig);
            return envelope;
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"The DSSE envelope is not valid: {e.Message}", e);
        }
    }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Options);

    /// <summary>The decoded payload.</summary>
    public byte[] PayloadBytes() => Decode(Payload);

    /// <summary>Base64, standard or URL-safe, padded or not: verifiers must accept both alphabets.</summary>
    internal static byte[] Decode(string base64)
    {
        var standard = base64.Replace('-', '+').Replace('_', '/').TrimEnd('=');
        var bytes = new byte[(standard.Length / 4 * 3) + 3];
        return Convert.TryFromBase64String(standard.PadRight((standard.Length + 3) / 4 * 4, '='), bytes, out var count)
            ? bytes[..count]
            : throw new ProtocolFormatException("A value of the DSSE envelope is not base64.");
    }
}
