using System.Collections.Frozen;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>Body of an error answer.</summary>
/// <param name="ErrorCode">One of <see cref="MlflowErrorCodes"/>: clients branch on it.</param>
/// <param name="Message">What is wrong, for a person.</param>
public sealed record MlflowError(
    [property: JsonPropertyName("error_code")] string ErrorCode,
    [property: JsonPropertyName("message")] string Message);

/// <summary>MLflow's error codes and the HTTP status that each is sent with.</summary>
public static class MlflowErrorCodes
{
    public const string BadRequest = "BAD_REQUEST";
    public const string InvalidParameterValue = "INVALID_PARAMETER_VALUE";

    /// <summary>Sent with 400, not 409.</summary>
    public const string ResourceAlreadyExists = "RESOURCE_ALREADY_EXISTS";
    public const string ResourceDoesNotExist = "RESOURCE_DOES_NOT_EXIST";
    public const string EndpointNotFound = "ENDPOINT_NOT_FOUND";
    public const string Unauthenticated = "UNAUTHENTICATED";
    public const string PermissionDenied = "PERMISSION_DENIED";
    public const string ResourceConflict = "RESOURCE_CONFLICT";
    public const string ResourceExhausted = "RESOURCE_EXHAUSTED";
    public const string RequestLimitExceeded = "REQUEST_LIMIT_EXCEEDED";
    public const string InternalError = "INTERNAL_ERROR";

    /// <summary>MLflow sends it with 500; here 400, because clients retry a 500 for minutes and this failure is permanent.</summary>
    public const string InvalidState = "INVALID_STATE";
    public const string NotImplemented = "NOT_IMPLEMENTED";
    public const string TemporarilyUnavailable = "TEMPORARILY_UNAVAILABLE";
    public const string DeadlineExceeded = "DEADLINE_EXCEEDED";

    private static readonly FrozenDictionary<string, int> Statuses = new Dictionary<string, int>
    {
        [BadRequest] = 400,
        [InvalidParameterValue] = 400,
        [ResourceAlreadyExists] = 400,
        [InvalidState] = 400,
        ["CUSTOMER_UNAUTHORIZED"] = 401,
        [Unauthenticated] = 401,
        [PermissionDenied] = 403,
        [ResourceDoesNotExist] = 404,
        ["NOT_FOUND"] = 404,
        [EndpointNotFound] = 404,
        ["ABORTED"] = 409,
        ["ALREADY_EXISTS"] = 409,
        [ResourceConflict] = 409,
        [RequestLimitExceeded] = 429,
        [ResourceExhausted] = 429,
        ["CANCELLED"] = 499,
        [InternalError] = 500,
        ["DATA_LOSS"] = 500,
        [NotImplemented] = 501,
        [TemporarilyUnavailable] = 503,
        [DeadlineExceeded] = 504,
    }.ToFrozenDictionary();

    /// <summary>The HTTP status of a code; 400 for one that is not known.</summary>
    public static int StatusOf(string errorCode) => Statuses.GetValueOrDefault(errorCode, 400);
}
