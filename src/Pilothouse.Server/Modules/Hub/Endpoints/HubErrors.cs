using Microsoft.AspNetCore.Http;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub.Endpoints;

/// <summary>The Hub's errors: the name in <c>X-Error-Code</c>, the text in <c>X-Error-Message</c> and in the body.</summary>
internal sealed class HubErrors : ErrorShape
{
    /// <summary>Characters of the message in the header.</summary>
    private const int MaxHeader = 500;

    public static HubErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        var response = context.Response;
        // Clients take 412 for "a commit has happened since", 409 for "exists already".
        response.StatusCode = code switch { ErrorCode.FailedPrecondition => StatusCodes.Status412PreconditionFailed, ErrorCode.Unsupported => StatusCodes.Status501NotImplemented, _ => Status(code) };
        // A client that sent a token is told that it is the token; else it would report the repository as missing.
        if (code == ErrorCode.Unauthenticated && context.Request.Headers.Authorization.Count > 0) message = "Invalid credentials in Authorization header";
        if (context.Items[HubFaults.DataKey] is string name) response.Headers["X-Error-Code"] = name;
        // Clients remember that a file is not in this commit.
        if (context.Items[HubEndpoints.CommitKey] is string commit) response.Headers["X-Repo-Commit"] = commit;
        response.Headers["X-Error-Message"] = new string([.. message.Take(MaxHeader).Select(c => c is >= ' ' and <= '~' ? c : ' ')]);
        if (code is ErrorCode.Unavailable or ErrorCode.RateLimited) response.Headers.RetryAfter = "1";
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : response.WriteAsJsonAsync(new { error = message }, context.RequestAborted);
    }
}
