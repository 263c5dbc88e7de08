using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Platform.Mlflow;

/// <summary>Maps MLflow's RPCs: each is served under <c>/api/N.0</c> and <c>/ajax-api/N.0</c>, with MLflow's errors.</summary>
public static class MlflowRoutes
{
    private static readonly string[] TextFiles = [".txt", ".log", ".md", ".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml", ".py", ".js", ".html", ".htm", ".xml", ".toml", ".cfg", ".ini", ".conf", ".sh", ".rst", ".diff"];

    /// <summary>Maps one RPC whose message is <paramref name="schema"/>.</summary>
    /// <param name="path">Behind <c>/api/2.0</c>, e.g. <c>/mlflow/runs/get</c>.</param>
    /// <param name="handle">Gets the message, answers an object that is written as MLflow's JSON.</param>
    /// <param name="role">Role needed; null = reader for GET, writer otherwise. Searches by POST give Reader.</param>
    public static void MapMlflow<T>(this IEndpointRouteBuilder endpoints, string method, string path, MlflowSchema schema,
        Func<MlflowMessage, HttpContext, Task<T>> handle, Role? role = null, string version = "2.0") =>
        endpoints.MapMlflowRaw(method, path, async http =>
        {
            await http.WriteMlflowAsync(await handle(await ReadAsync(http, method, schema), http));
        }, role, version);

    /// <summary>Maps one RPC that writes its answer itself, as JSON into the response's body.</summary>
    public static void MapMlflowStream(this IEndpointRouteBuilder endpoints, string method, string path, MlflowSchema schema, Func<MlflowMessage, HttpContext, Task> handle, Role? role = null, string version = "2.0") =>
        endpoints.MapMlflowRaw(method, path, async http =>
        {
            var message = await ReadAsync(http, method, schema);
            http.Response.ContentType = "application/json; charset=utf-8";
            await handle(message, http);
        }, role, version);

    /// <summary>Maps one RPC whose answer is written piece by piece (spans: many, and deeply nested).</summary>
    public static void MapMlflowWriter(this IEndpointRouteBuilder endpoints, string method, string path, MlflowSchema schema,
        Func<MlflowMessage, HttpContext, Task<Action<Utf8JsonWriter>>> handle, JsonWriterOptions options, string version) =>
        endpoints.MapMlflowRaw(method, path, async http =>
        {
            var write = await handle(HttpMethods.IsGet(method) ? ReadQuery(http, schema) : await ReadJsonAsync(http, schema), http);
            http.Response.ContentType = "application/json";
            await using (var json = new Utf8JsonWriter(http.Response.BodyWriter, options)) write(json);
            await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
        }, version: version);

    /// <summary>Maps one route that reads the request itself.</summary>
    public static void MapMlflowRaw(this IEndpointRouteBuilder endpoints, string method, string path, RequestDelegate handle, Role? role = null, string version = "2.0")
    {
        foreach (var prefix in (string[])["/api/", "/ajax-api/"])
        {
            var route = endpoints.MapMethods($"{prefix}{version}{path}", [method], handle).WithErrors(MlflowErrors.Instance).ExcludeFromDescription();
            if (role is { } needed) route.RequireRole(needed);
        }
    }

    /// <summary>An empty message when the work is done.</summary>
    public static async Task<MlflowEmpty> Done(Task work)
    {
        await work;
        return MlflowEmpty.Instance;
    }

    /// <summary>Content type for a file that a browser may open: text stays text, and nothing runs as HTML or script of this origin.</summary>
    public static string SafeType(string fileName) => TextFiles.Contains(Path.GetExtension(fileName), StringComparer.OrdinalIgnoreCase) || fileName == "MLmodel" ? "text/plain; charset=utf-8" : "application/octet-stream";

    public static Task WriteMlflowAsync<T>(this HttpContext http, T answer) => http.Response.WriteAsJsonAsync(answer, MlflowJson.Options, http.RequestAborted);

    /// <summary>Reads the body whole (bounded by the server's body limit). The caller returns the buffer to the pool.</summary>
    /// <exception cref="PilothouseException">The content type is not application/json.</exception>
    public static async Task<(byte[] Buffer, int Length)> ReadMlflowBodyAsync(this HttpContext http)
    {
        var type = http.Request.ContentType;
        if (type is null ? http.Request.ContentLength > 0 : !type.StartsWith("application/json", StringComparison.Ordinal))
            throw new PilothouseException(ErrorCode.InvalidArgument, "Bad Request. Content-Type must be one of ['application/json'].");
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(http.Request.ContentLength ?? 0, 4096, PilothouseServer.MaxJsonBody));
        var length = 0;
        try
        {
            while (true)
            {
                var read = await http.Request.Body.ReadAsync(buffer.AsMemory(length), http.RequestAborted);
                if (read == 0) return (buffer, length);
                length += read;
                if (length < buffer.Length) continue;
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                buffer.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private static async Task<MlflowMessage> ReadAsync(HttpContext http, string method, MlflowSchema schema) => HttpMethods.IsGet(method) ? ReadQuery(http, schema) : await ReadJsonAsync(http, schema);

    private static MlflowMessage ReadQuery(HttpContext http, MlflowSchema schema) =>
        MlflowMessage.FromQuery(name => http.Request.Query.TryGetValue(name, out var values) ? [.. values.OfType<string>()] : [], schema);

    private static async Task<MlflowMessage> ReadJsonAsync(HttpContext http, MlflowSchema schema)
    {
        var (buffer, length) = await http.ReadMlflowBodyAsync();
        try
        {
            return MlflowMessage.FromJson(MlflowBody.Parse(buffer.AsMemory(0, length)), schema);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
