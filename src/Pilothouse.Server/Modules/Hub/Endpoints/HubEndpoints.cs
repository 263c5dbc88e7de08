using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Protocols.Hub;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;

namespace Pilothouse.Server.Modules.Hub.Endpoints;

/// <summary>
/// Reading: <c>HF_ENDPOINT=http://host:7700/hf</c> (docs/protocols/huggingface.md). An id has one part or two, so the paths are taken apart by <see cref="HubAddress"/>, not by route templates.
/// </summary>
internal static class HubEndpoints
{
    public const string Root = "/hf";

    /// <summary>Where the commit of an answer stands for the error that may follow.</summary>
    public const string CommitKey = "hub.commit";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public static void MapHub(this IEndpointRouteBuilder endpoints)
    {
        var hub = endpoints.MapGroup(Root).WithErrors(HubErrors.Instance).AcceptAnyKey().ExcludeFromDescription();
        hub.MapGet("api/whoami-v2", WhoAmI);
        hub.MapGet("api/models", http => Guard(http, () => ListAsync(http, HubAddress.Model)));
        hub.MapGet("api/datasets", http => Guard(http, () => ListAsync(http, HubAddress.Dataset)));
        hub.MapMethods("{**path}", ["GET", "HEAD"], http => Guard(http, () => ReadAsync(http)));
        foreach (var id in (string[])["{name}", "{ns}/{name}"])
            hub.MapPost($"api/{{type}}/{id}/paths-info/{{revision}}", http => Guard(http, () => PathsAsync(http))).RequireRole(Role.Reader);
        hub.MapPost("{**path}", http => Guard(http, () => HubPushEndpoints.WriteAsync(http)));
        hub.MapHubUploads();
    }

    /// <summary>Keeps the Hub's name of a fault for the error that is written further out.</summary>
    internal static async Task Guard(HttpContext http, Func<Task> handle)
    {
        try
        {
            await handle();
        }
        catch (PilothouseException e) when (e.Data[HubFaults.DataKey] is string name)
        {
            http.Items[HubFaults.DataKey] = name;
            throw;
        }
    }

    internal static HubAddress Address(HttpContext http) => HubAddress.Parse(http.Request.Path.Value![(Root.Length + 1)..])
        ?? throw new PilothouseException(ErrorCode.NotFound, $"{http.Request.Path} is no address of the Hub that is served here; docs/protocols/huggingface.md lists them.");

    internal static Task AnswerAsync(HttpContext http, object answer) => http.Response.WriteAsJsonAsync(answer, answer.GetType(), Json, http.RequestAborted);

    internal static T Service<T>(HttpContext http) where T : notnull => http.RequestServices.GetRequiredService<T>();

    private static Task WhoAmI(HttpContext http) => Guard(http, () => AnswerAsync(http, new Dictionary<string, object?>
    {
        ["type"] = "user",
        ["id"] = http.Caller().Name,
        ["name"] = http.Caller().Name,
        ["fullname"] = http.Caller().Name,
        ["emailVerified"] = false,
        ["canPay"] = false,
        ["isPro"] = false,
        ["avatarUrl"] = "",
        ["orgs"] = Array.Empty<object>(),
        ["auth"] = new Dictionary<string, object?> { ["type"] = "access_token", ["accessToken"] = new Dictionary<string, object?> { ["displayName"] = http.Caller().Name, ["role"] = http.Caller().Role == Role.Reader ? "read" : "write" } },
    }));

    private static async Task ReadAsync(HttpContext http)
    {
        var address = Address(http);
        var ct = http.RequestAborted;
        if (address.Action is "refs")
        {
            await RefsAsync(http, await Service<HubRepos>(http).HistoryAsync(address.Type, address.Id, ct));
            return;
        }
        if (address.Action is not ("" or "revision" or "tree" or "commits" or "resolve" or "raw"))
            throw new PilothouseException(ErrorCode.Unsupported, $"'{address.Action}' of the Hub is not served here; docs/protocols/huggingface.md lists what is.");
        var revision = await Service<HubRepos>(http).FindAsync(address.Type, address.Id, address.Revision, ct);
        http.Items[CommitKey] = revision.Sha;
        switch (address.Action)
        {
            case "tree": await TreeAsync(http, revision, address.Path); break;
            case "commits": await CommitsAsync(http, revision, await Service<HubRepos>(http).HistoryAsync(address.Type, address.Id, ct)); break;
            case "resolve" or "raw": await SendAsync(http, revision, address.Path); break;
            default: await AnswerAsync(http, await Service<HubViews>(http).InfoAsync(revision, true, Flag(http, "blobs"), ct)); break;
        }
    }

    /// <summary>Read by people in a browser too, so never as HTML or script of this origin; never compressed, since clients hold the length against the ETag.</summary>
    private static async Task SendAsync(HttpContext http, HubRevision revision, string path)
    {
        var entry = await Service<HubBrowser>(http).FileAsync(revision, path, http.RequestAborted);
        var headers = http.Response.Headers;
        headers["X-Repo-Commit"] = revision.Sha;
        headers["X-Linked-Size"] = entry.Size.ToString(CultureInfo.InvariantCulture);
        if (entry.Lfs) headers["X-Linked-ETag"] = $"\"{entry.ETag}\"";
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-cache";
        headers["Access-Control-Expose-Headers"] = "X-Repo-Commit,X-Error-Code,X-Error-Message,X-Linked-Size,X-Linked-ETag,ETag,Link,Accept-Ranges,Content-Range,Content-Disposition";
        var content = await Service<IBlobStore>(http).OpenReadAsync(entry.Digest, http.RequestAborted);
        await Results.Stream(content, MlflowRoutes.SafeType(System.IO.Path.GetFileName(path)), System.IO.Path.GetFileName(path), entityTag: new($"\"{entry.ETag}\""), enableRangeProcessing: true).ExecuteAsync(http);
    }

    private static async Task TreeAsync(HttpContext http, HubRevision revision, string path)
    {
        var (offset, limit) = Page(http, HubBrowser.MaxPage, HubBrowser.MaxPage);
        var (items, more) = await Service<HubBrowser>(http).TreeAsync(revision, path, Flag(http, "recursive"), Flag(http, "expand"), offset, limit, http.RequestAborted);
        if (more) Next(http, offset + limit);
        await AnswerAsync(http, items);
    }

    private static async Task ListAsync(HttpContext http, string type)
    {
        var query = http.Request.Query;
        var (offset, limit) = Page(http, 100, HubBrowser.MaxPage);
        string? One(string name) => query[name].FirstOrDefault();
        var full = Flag(http, "full") || query["expand"].Contains("siblings") || query["expand[]"].Contains("siblings");
        var (items, more) = await Service<HubBrowser>(http).ListAsync(type, new HubQuery(One("search"), One("author"), [.. query["filter"].SelectMany(f => (f ?? "").Split(',')).Where(f => f.Length > 0)], One("pipeline_tag"),
            One("sort"), One("direction") == "1", full, offset, limit), http.RequestAborted);
        if (more) Next(http, offset + limit);
        await AnswerAsync(http, items);
    }

    private static Task RefsAsync(HttpContext http, IReadOnlyList<HubRevision> history)
    {
        object Ref(string name, string kind, HubRevision revision) => new { name, @ref = $"refs/{kind}/{name}", targetCommit = revision.Sha };
        return AnswerAsync(http, new
        {
            branches = new[] { history.Count > 0 ? Ref(HubRepos.Main, "heads", history[0]) : new { name = HubRepos.Main, @ref = "refs/heads/main", targetCommit = HubRepos.EmptySha } },
            converts = Array.Empty<object>(),
            tags = history.Take(HubBrowser.MaxPage).SelectMany(r => (r.Model?.Aliases ?? []).Select(a => Ref(a, "tags", r)).Append(Ref($"v{r.Version}", "tags", r))).ToArray(),
        });
    }

    private static Task CommitsAsync(HttpContext http, HubRevision from, IReadOnlyList<HubRevision> history)
    {
        var (offset, limit) = Page(http, 50, HubBrowser.MaxPage);
        var line = history.Where(r => r.Version <= from.Version).ToList();
        if (offset + limit < line.Count) Next(http, offset + limit);
        http.Response.Headers["X-Total-Count"] = line.Count.ToString(CultureInfo.InvariantCulture);
        return AnswerAsync(http, line.Skip(offset).Take(limit).Select(HubViews.Commit).ToList());
    }

    private static async Task PathsAsync(HttpContext http)
    {
        var address = Address(http);
        var revision = await Service<HubRepos>(http).FindAsync(address.Type, address.Id, address.Revision, http.RequestAborted);
        List<string> paths;
        bool expand;
        if (http.Request.HasFormContentType)
        {
            // The Python client sends a form.
            var form = await http.Request.ReadFormAsync(http.RequestAborted);
            (paths, expand) = ([.. form["paths"].OfType<string>()], form["expand"].FirstOrDefault() is "true" or "True" or "1");
        }
        else
        {
            var body = await HubPushEndpoints.ReadAsync<HubPaths>(http);
            (paths, expand) = ([.. (body.Paths ?? []).OfType<string>()], body.Expand == true);
        }
        await AnswerAsync(http, await Service<HubBrowser>(http).PathsAsync(revision, paths, expand, http.RequestAborted));
    }

    private static bool Flag(HttpContext http, string name) => http.Request.Query[name].FirstOrDefault() is "true" or "True" or "1" or "";

    private static (int Offset, int Limit) Page(HttpContext http, int usual, int most)
    {
        int Number(string name, int otherwise, int low, int high) => http.Request.Query[name].FirstOrDefault() is not { Length: > 0 } text ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= low ? Math.Min(number, high) : throw new PilothouseException(ErrorCode.InvalidArgument, $"'{name}' is a number from {low} on.");
        return (Number("cursor", 0, 0, 100_000_000), Number("limit", usual, 1, most));
    }

    private static void Next(HttpContext http, int offset)
    {
        var query = new QueryBuilder(http.Request.Query.Where(q => q.Key != "cursor").SelectMany(q => q.Value, (q, value) => KeyValuePair.Create(q.Key, value ?? ""))) { { "cursor", offset.ToString(CultureInfo.InvariantCulture) } };
        http.Response.Headers.Link = $"<{HubPushEndpoints.Origin(http)}{http.Request.Path.ToUriComponent()}{query}>; rel=\"next\"";
    }

    private sealed record HubPaths(IReadOnlyList<string?>? Paths, bool? Expand);
}
