using System.Net.Http.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>What an import writes; for administrators. What is there already stays as it is.</summary>
public sealed partial class PilothouseClient
{
    public Task<ImportedExperiment> ImportExperimentAsync(ImportExperiment experiment, CancellationToken ct) => PutAsync<ImportedExperiment>("api/v1/import/experiments", experiment, ct);

    public Task<ImportedRun> ImportRunAsync(string runId, ImportRun run, CancellationToken ct) => PutAsync<ImportedRun>($"api/v1/import/runs/{Uri.EscapeDataString(runId)}", run, ct);

    /// <summary>Everything of a run is here now.</summary>
    public async Task ImportEndAsync(string runId, ImportEnd end, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Post, $"api/v1/import/runs/{Uri.EscapeDataString(runId)}/end", JsonContent.Create(end, options: Json), ct);
    }

    public Task<ImportedModel> ImportModelAsync(string modelId, ImportModel model, CancellationToken ct) => PutAsync<ImportedModel>($"api/v1/import/models/{Uri.EscapeDataString(modelId)}", model, ct);

    public Task<ImportedVersion> ImportVersionAsync(ImportVersion version, CancellationToken ct) => PutAsync<ImportedVersion>("api/v1/import/versions", version, ct);

    /// <summary>Writes an import into the audit log.</summary>
    public async Task ImportSummaryAsync(ImportSummary summary, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Post, "api/v1/import/summary", JsonContent.Create(summary, options: Json), ct);
    }

    public Task LogInputsAsync(string runId, IReadOnlyList<MlflowDatasetInput> datasets, IReadOnlyList<MlflowModelInput> models, CancellationToken ct) =>
        SendMlflowAsync<MlflowEmpty>(HttpMethod.Post, "runs/log-inputs", new MlflowLogInputs(runId, datasets, models), ct);

    public Task LogOutputsAsync(string runId, IReadOnlyList<MlflowModelOutput> models, CancellationToken ct) => SendMlflowAsync<MlflowEmpty>(HttpMethod.Post, "runs/outputs", new MlflowLogOutputs(runId, models), ct);

    /// <returns>False when there is one of this name already.</returns>
    public async Task<bool> CreateRegisteredModelAsync(string name, IReadOnlyList<MlflowTag> tags, string? description, CancellationToken ct)
    {
        try
        {
            await SendMlflowAsync<MlflowRegisteredModelResponse>(HttpMethod.Post, "registered-models/create", new MlflowCreateRegisteredModel(name, tags, description), ct);
            return true;
        }
        catch (PilothouseApiException e) when (e.Code == "RESOURCE_ALREADY_EXISTS")
        {
            return false;
        }
    }

    public Task SetRegisteredModelAliasAsync(string name, string alias, string version, CancellationToken ct) =>
        SendMlflowAsync<MlflowEmpty>(HttpMethod.Post, "registered-models/alias", new MlflowAliasRequest(name, alias, version), ct);

    private Task<T> PutAsync<T>(string path, object body, CancellationToken ct) => SendAsync<T>(HttpMethod.Put, path, JsonContent.Create(body, body.GetType(), options: Json), ct);
}
