using System.Data.Common;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pilothouse.Data;

namespace Pilothouse.Server.Platform;

/// <summary>Turns every failure into the shape of the protocol that was called; nothing else in the server writes an error body.</summary>
internal sealed partial class ErrorMiddleware(RequestDelegate next, Db db, ILogger<ErrorMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception e)
        {
            var (code, message) = Describe(e);
            if (code == ErrorCode.Internal) Unexpected(e, context.Request.Method, context.Request.Path);
            if (context.Response.HasStarted) throw; // the connection is cut, so that the client does not take half an answer for a whole one
            var shape = context.GetEndpoint()?.Metadata.GetMetadata<ErrorShape>() ?? NativeErrors.Instance;
            context.Response.Clear();
            // What was refused unread is still coming in, and the connection may be closed over it: said, so that no client sends its next request into it.
            if (HttpMethods.IsPut(context.Request.Method) || HttpMethods.IsPatch(context.Request.Method)) context.Response.Headers.Connection = "close";
            await shape.WriteAsync(context, code, message);
        }
    }

    private (ErrorCode Code, string Message) Describe(Exception error) => error switch
    {
        PilothouseException e => (e.Code, e.Message),
        Protocols.ProtocolFormatException e => (ErrorCode.InvalidArgument, e.Message),
        BadHttpRequestException { StatusCode: 413 } => (ErrorCode.TooLarge, "The request body is larger than this route accepts. Send it in parts, or upload files as blobs."),
        BadHttpRequestException e => (ErrorCode.InvalidArgument, e.InnerException is JsonException json ? $"The body is not valid JSON: {json.Message}" : e.Message),
        JsonException e => (ErrorCode.InvalidArgument, $"The body is not valid JSON: {e.Message}"),
        DbException e => db.Dialect.Classify(e) switch
        {
            DbErrorKind.UniqueViolation => (ErrorCode.AlreadyExists, "An object with this name or id exists already."),
            DbErrorKind.Busy or DbErrorKind.Connection => (ErrorCode.Unavailable, "The database is not answering at the moment. Try again."),
            DbErrorKind.InvalidText => (ErrorCode.InvalidArgument, "A text of the request holds a NUL character (\\u0000), which the database cannot keep. Leave it out."),
            DbErrorKind.DiskFull => (ErrorCode.StorageFull, "The disk that holds the database is full. Nothing was written. Free space and try again."),
            _ => (ErrorCode.Internal, "The server failed; its log has the details."),
        },
        IOException e when IsDiskFull(e) => (ErrorCode.StorageFull, "The disk that holds the data directory is full. Nothing was written. Free space and try again."),
        _ => (ErrorCode.Internal, "The server failed; its log has the details."),
    };

    /// <summary>ENOSPC is 28 on Linux; ERROR_DISK_FULL is 112 on Windows.</summary>
    internal static bool IsDiskFull(IOException error) => (error.HResult & 0xFFFF) is 28 or 112;

    [LoggerMessage(100, LogLevel.Error, "{Method} {Path} failed")]
    private partial void Unexpected(Exception error, string method, string path);
}
