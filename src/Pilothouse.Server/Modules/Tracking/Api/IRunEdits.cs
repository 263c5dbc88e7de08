namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>What a person changes of a run by hand; training code uses the MLflow protocol.</summary>
public interface IRunEdits
{
    /// <summary>Tag with the description of a run, Markdown.</summary>
    const string NoteTag = "mlflow.note.content";

    Task RenameAsync(string runId, string name, CancellationToken ct);

    /// <summary>Sets a tag; an empty value removes it.</summary>
    Task SetTagAsync(string runId, string key, string value, CancellationToken ct);

    /// <summary>Hides a run from lists and searches; its data stays until it is restored or collected.</summary>
    Task DeleteAsync(string runId, CancellationToken ct);

    Task RestoreAsync(string runId, CancellationToken ct);
}
