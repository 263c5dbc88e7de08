using System.Net.Http.Json;
using Pilothouse.Client.Runs;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Runs recorded with a buffer on disk.</summary>
public sealed partial class PilothouseClient
{
    /// <summary>Starts a run, or joins the one around this process. A server that is away is no fault: the run is kept on disk and sent when it is back.</summary>
    /// <exception cref="PilothouseApiException">The server is there and refuses the run.</exception>
    public Task<ActiveRun> StartRunAsync(RunOptions options, CancellationToken ct) => ActiveRun.StartAsync(this, options, TimeProvider.System, ct);

    /// <summary>Makes a run with a given id, or gives the one that has it.</summary>
    public Task<StartedRun> PutRunAsync(string runId, NewRun run, CancellationToken ct) => SendAsync<StartedRun>(HttpMethod.Put, $"api/v1/runs/{Uri.EscapeDataString(runId)}", JsonContent.Create(run, options: Json), ct);

    public async Task<string> HeartbeatAsync(string runId, TimeSpan interval, CancellationToken ct) =>
        (await PostAsync<RunStatus>($"api/v1/runs/{Uri.EscapeDataString(runId)}/heartbeat", new Heartbeat((long)interval.TotalMilliseconds), ct)).Status;

    public Task<RunStatus> EndRunAsync(string runId, RunEnd end, CancellationToken ct) => PostAsync<RunStatus>($"api/v1/runs/{Uri.EscapeDataString(runId)}/end", end, ct);

    /// <param name="stream"><c>stdout</c> or <c>stderr</c>.</param>
    /// <param name="offset">Where the piece begins in the whole log; what the server has already is skipped.</param>
    public Task<LogLength> AppendLogAsync(string runId, string stream, long offset, ReadOnlyMemory<byte> piece, CancellationToken ct) =>
        SendAsync<LogLength>(HttpMethod.Post, $"api/v1/runs/{Uri.EscapeDataString(runId)}/logs/{stream}?offset={offset.ToString(System.Globalization.CultureInfo.InvariantCulture)}", new ReadOnlyMemoryContent(piece), ct);

    /// <summary>A part of a run's output, also while it runs.</summary>
    /// <param name="offset">Byte to begin at; negative = that many before the end.</param>
    public async Task<string> ReadLogAsync(string runId, string stream, long offset, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Get, $"api/v1/runs/{Uri.EscapeDataString(runId)}/logs/{stream}?offset={offset.ToString(System.Globalization.CultureInfo.InvariantCulture)}", null, ct);
        return await response.Content.ReadAsStringAsync(ct);
    }
}
