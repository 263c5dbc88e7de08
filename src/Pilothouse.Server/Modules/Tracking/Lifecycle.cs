namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Stages of runs and experiments; deletion is soft.</summary>
internal static class Lifecycle
{
    public const string Active = "active";
    public const string Deleted = "deleted";

    /// <summary>Going for good: nobody sees it any more, and it cannot be restored.</summary>
    public const string Purged = "purged";
}

/// <summary>MLflow's enumerations, in the order of their numbers.</summary>
internal static class MlflowNames
{
    public const string Running = "RUNNING";
    public const string Killed = "KILLED";

    public const string RunNameTag = "mlflow.runName";

    public static readonly string[] RunStatus = [Running, "SCHEDULED", "FINISHED", "FAILED", Killed];

    public static readonly string[] ModelStatus = ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"];

    public static readonly string[] ViewType = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"];
}
