using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;

/// <summary>Takes what CI systems tell of builds. Whoever cannot prove who they are changes nothing and learns nothing, not even which connections there are.</summary>
internal sealed class CiWebhooks(CiStore connections, HookStore store, CiSecrets secrets, HookSignatures signatures, TravisKeys travis, CiTeller teller, CiDispatcher dispatcher, IRepositories repositories, Ids ids, TimeProvider time)
{
    private const int MaxId = 100;

    /// <exception cref="PilothouseException">Unauthenticated, InvalidArgument, Unavailable.</exception>
    public async Task<CiHookAnswer> ReceiveAsync(string project, string name, HookRequest request, CancellationToken ct)
    {
        if (await connections.FindAsync(project, name, ct) is not { } connection) throw Refused();
        var json = connection.System == "travis" ? Payload(request.Body) : request.Body;
        if (!await FitsAsync(connection, request, json, ct)) throw Refused();
        HookReport? report;
        try
        {
            report = HookReports.Read(connection.System, request, json);
        }
        catch (JsonException)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, "The body is not the JSON object that this system documents. Choose the content type application/json.");
        }
        // With a trigger token GitLab cannot be asked how it goes.
        if (report is not null && connection.System == "gitlab" && secrets.Open(connection.Secret).StartsWith(GitLabClient.TriggerToken, StringComparison.Ordinal)) report = report with { Handle = null };
        var outcome = await store.TakeAsync(project, name, Names(request, json), report, await FreshAsync(connection, report, ct), time.NowMs(), ct);
        if (outcome.Build is not null) await teller.MovedAsync(outcome.Build, ct);
        if (report is { AskAgain: true }) dispatcher.Wake();
        return new CiHookAnswer(outcome.Result, outcome.Build?.Id, outcome.Reason);
    }

    private async Task<bool> FitsAsync(ConnectionRow connection, HookRequest request, byte[] json, CancellationToken ct)
    {
        if (connection.System != "travis") return connection.WebhookSecret is { } secret && signatures.Fits(connection.System, secrets.Open(secret), request);
        try
        {
            return await travis.FitsAsync(connection.Url, json, request.Header("Signature"), ct) && HookReports.IsOfRepository(json, connection.Target);
        }
        catch (CiCallException)
        {
            throw new PilothouseException(ErrorCode.Unavailable, "The key that proves Travis' signature cannot be fetched now. Send the delivery again later.");
        }
    }

    /// <summary>The build that a delivery begins when the system built by itself: only of a commit that is here.</summary>
    private async Task<BuildRow?> FreshAsync(ConnectionRow connection, HookReport? report, CancellationToken ct)
    {
        if (report?.Commit is null) return null;
        try
        {
            await repositories.ResolveAsync(connection.Project, report.Commit, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null;
        }
        var now = time.NowMs();
        return new BuildRow
        {
            Id = ids.New(),
            Project = connection.Project,
            Connection = connection.Name,
            System = connection.System,
            Cause = "webhook",
            CommitId = report.Commit,
            BuildRef = report.Ref ?? "",
            State = report.State,
            Handle = report.Handle,
            Url = report.Url,
            Error = report.Error,
            NextMs = report.AskAgain ? now : now + 5_000,
            CreatedMs = now,
            UpdatedMs = now,
        };
    }

    /// <summary>The signed bytes themselves, since a header that names the delivery is not signed by most; and that header too, for a system that writes the same event in other words.</summary>
    private static List<string> Names(HookRequest request, byte[] json)
    {
        List<string> names = ["sha256:" + Convert.ToHexStringLower(SHA256.HashData(json))];
        foreach (var header in (string[])["X-GitHub-Delivery", "webhook-id", "Idempotency-Key"])
            if (request.Header(header) is { Length: > 0 and <= MaxId } id) names.Add($"{header}:{id}");
        return names;
    }

    /// <summary>Travis sends a form with one field.</summary>
    private static byte[] Payload(byte[] body)
    {
        try
        {
            return QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body)).TryGetValue("payload", out var payload) ? Encoding.UTF8.GetBytes(payload.ToString()) : [];
        }
        catch (Exception e) when (e is InvalidDataException or UriFormatException)
        {
            return [];
        }
    }

    private static PilothouseException Refused() => new(ErrorCode.Unauthenticated,
        "This delivery is not signed by a connection of this name. Compare the webhook's secret in the CI system with the one given to 'pilothouse ci connect' (PILOTHOUSE_CI_WEBHOOK_SECRET); nothing was stored.");
}
