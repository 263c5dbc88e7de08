using System.Buffers.Text;
using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>TensorBoard event files.</summary>
public sealed partial class PilothouseClient
{
    /// <summary>The run of a directory of event files, made when it was not imported before.</summary>
    public Task<ImportedEventRun> EnsureEventRunAsync(NewEventRun run, CancellationToken ct) => PostAsync<ImportedEventRun>("api/v1/tfevents/runs", run, ct);

    /// <summary>Sends a stretch of an event file. The answer's position says from where to go on; when <paramref name="offset"/> is not where the server stopped, nothing is read.</summary>
    /// <param name="head">First bytes of the file, up to 64: they tell it from another one of the same name.</param>
    /// <param name="size">Bytes the file has now.</param>
    /// <param name="content">The file from <paramref name="offset"/> on, as much as there is.</param>
    public Task<EventFileState> SendEventsAsync(string runId, string name, ReadOnlyMemory<byte> head, long size, long offset, Stream content, CancellationToken ct) =>
        SendAsync<EventFileState>(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture,
            $"api/v1/runs/{Uri.EscapeDataString(runId)}/tfevents?name={Uri.EscapeDataString(name)}&offset={offset}&size={size}&head={Base64Url.EncodeToString(head.Span)}"), new StreamContent(content, 1024 * 1024), ct);

    /// <summary>What was read of a run's event files, and what a person should know about them.</summary>
    public Task<RunEventFiles> EventFilesAsync(string runId, CancellationToken ct) => GetAsync<RunEventFiles>($"api/v1/runs/{Uri.EscapeDataString(runId)}/tfevents", ct);

    /// <summary>A run as an event file that TensorBoard reads.</summary>
    /// <param name="wide">True: numbers that float32 cannot hold are written as float64, which TensorBoard reads only with <c>--load_fast=false</c>.</param>
    /// <returns>The name of the file and its content.</returns>
    public async Task<(string Name, Stream Content)> ExportEventsAsync(string runId, bool wide, CancellationToken ct)
    {
        var response = await SendAsync(HttpMethod.Get, $"api/v1/runs/{Uri.EscapeDataString(runId)}/tfevents/export?precision={(wide ? "float64" : "float32")}", null, ct);
        var name = response.Content.Headers.ContentDisposition?.FileName?.Trim('"') ?? $"events.out.tfevents.0.{runId}";
        return (Path.GetFileName(name), await response.Content.ReadAsStreamAsync(ct));
    }
}
