using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>What a webhook listens to, e.g. MODEL_VERSION / CREATED.</summary>
public sealed record MlflowWebhookEvent(string Entity, string Action)
{
    /// <summary>By proto number, the first is 1.</summary>
    public static IReadOnlyList<string> Entities { get; } =
    [
        "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS", "PROMPT", "PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY", "REPOSITORY",
    ];

    /// <summary>By proto number, the first is 1.</summary>
    public static IReadOnlyList<string> Actions { get; } = ["CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED", "PUSHED"];

    /// <summary>The actions that MLflow sends for an entity.</summary>
    public static IReadOnlyList<string> ActionsOf(string entity) => entity switch
    {
        "REGISTERED_MODEL" or "MODEL_VERSION" or "PROMPT" or "PROMPT_VERSION" => ["CREATED"],
        "MODEL_VERSION_TAG" or "PROMPT_TAG" or "PROMPT_VERSION_TAG" => ["SET", "DELETED"],
        "MODEL_VERSION_ALIAS" or "PROMPT_ALIAS" => ["CREATED", "DELETED"],
        "BUDGET_POLICY" => ["EXCEEDED"],
        "REPOSITORY" => ["PUSHED"], // ours: a push to a hosted repository
        _ => [],
    };
}

/// <summary>A webhook as it is shown: never with its secret.</summary>
public sealed record MlflowWebhook(string WebhookId, string Name, string? Description, string Url, IReadOnlyList<MlflowWebhookEvent> Events, string Status, long CreationTimestamp, long LastUpdatedTimestamp);

public sealed record MlflowWebhookResponse(MlflowWebhook Webhook);

public sealed record MlflowWebhooksResponse(IReadOnlyList<MlflowWebhook>? Webhooks, string? NextPageToken);

/// <summary>How the delivery of an example event went.</summary>
/// <param name="ResponseBody">The beginning of what the receiver answered.</param>
public sealed record MlflowWebhookTestResult(bool Success, int? ResponseStatus, string? ResponseBody, string? ErrorMessage);

public sealed record MlflowWebhookTestResponse(MlflowWebhookTestResult Result);

/// <summary>Headers of a delivery, by which a receiver knows that it is genuine and new.</summary>
public static class MlflowWebhookSignature
{
    public const string SignatureHeader = "X-MLflow-Signature";
    public const string TimestampHeader = "X-MLflow-Timestamp";
    public const string DeliveryHeader = "X-MLflow-Delivery-Id";

    /// <summary><c>v1,</c> and base64 of HMAC-SHA256(secret, <c>DELIVERY.TIMESTAMP.BODY</c>), as in <see href="https://www.standardwebhooks.com">Standard Webhooks</see>.</summary>
    /// <param name="timestamp">Unix time in seconds.</param>
    public static string Of(string secret, string deliveryId, long timestamp, string body) => "v1," + Convert.ToBase64String(HMACSHA256.HashData(
        Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{deliveryId}.{timestamp.ToString(CultureInfo.InvariantCulture)}.{body}")));
}
