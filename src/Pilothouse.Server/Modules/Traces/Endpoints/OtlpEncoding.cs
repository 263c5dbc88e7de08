using System.Buffers;
using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>Bodies of OTLP/HTTP: protobuf or JSON by Content-Type, plain, gzip or deflate, bounded before and after decompression.</summary>
internal static class OtlpEncoding
{
    public const string Protobuf = "application/x-protobuf";
    public const string Json = "application/json";

    public static bool IsJson(HttpRequest request) => MediaType(request).Equals(Json, StringComparison.OrdinalIgnoreCase);

    public static bool IsKnown(HttpRequest request) => IsJson(request) || MediaType(request).Equals(Protobuf, StringComparison.OrdinalIgnoreCase);

    public static void RequireKnown(HttpRequest request)
    {
        if (!IsKnown(request))
            throw new PilothouseException(ErrorCode.Unsupported, $"The Content-Type '{MediaType(request)}' is not OTLP: send {Protobuf} or {Json}.");
    }

    /// <exception cref="PilothouseException">TooLarge, Unsupported (another Content-Encoding), InvalidArgument (not gzip, or truncated).</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext http, CancellationToken ct)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = OtlpLimits.MaxRequestBytes;
        var encoding = http.Request.Headers.ContentEncoding.ToString();
        if (encoding is "" or "identity") return await ReadAsync(http.Request.Body, ct);
        if (encoding is not ("gzip" or "deflate")) throw new PilothouseException(ErrorCode.Unsupported, $"The Content-Encoding '{encoding}' is not supported: send gzip, deflate or none.");
        try
        {
            // In HTTP "deflate" is the zlib format (RFC 9110, 8.4.1.2).
            await using Stream plain = encoding == "gzip" ? new GZipStream(http.Request.Body, CompressionMode.Decompress) : new ZLibStream(http.Request.Body, CompressionMode.Decompress);
            return await ReadAsync(plain, ct);
        }
        catch (InvalidDataException e)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The body is not valid {encoding}.", e);
        }
    }

    // A gzip bomb is a small body that becomes a large one: the bound is on what comes out.
    private static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream body, CancellationToken ct)
    {
        var content = new ArrayBufferWriter<byte>(16 * 1024);
        while (await body.ReadAsync(content.GetMemory(), ct) is > 0 and var read)
        {
            content.Advance(read);
            if (content.WrittenCount > OtlpLimits.MaxRequestBytes) throw new PilothouseException(ErrorCode.TooLarge, $"The request is larger than {OtlpLimits.MaxRequestBytes} bytes after decompression. Send smaller batches.");
        }
        return content.WrittenMemory;
    }

    private static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim();
}
