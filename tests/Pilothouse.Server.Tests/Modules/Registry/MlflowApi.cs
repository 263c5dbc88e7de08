using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>The calls of MLflow's client that the registry's tests make, as raw HTTP.</summary>
internal sealed class MlflowApi(HttpClient http)
{
    public static MlflowApi Of(TestServer server) => new(server.Http);

    public Task<JsonNode> PostAsync(string path, object body) => SendAsync(HttpMethod.Post, path, body);

    public Task<JsonNode> PatchAsync(string path, object body) => SendAsync(HttpMethod.Patch, path, body);

    public Task<JsonNode> DeleteAsync(string path, object body) => SendAsync(HttpMethod.Delete, path, body);

    public async Task<JsonNode> GetAsync(string pathAndQuery)
    {
        var (status, answer) = await TryAsync(HttpMethod.Get, pathAndQuery, null);
        return status == 200 ? answer! : throw new InvalidOperationException($"GET {pathAndQuery}: {status} {answer}");
    }

    /// <returns>Status, and the answer when it is JSON.</returns>
    public async Task<(int Status, JsonNode? Answer)> TryAsync(HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, $"/api/2.0/mlflow/{path}");
        if (body is string raw) request.Content = new StringContent(raw, Encoding.UTF8, "application/json");
        else if (body is not null) request.Content = JsonContent.Create(body, options: JsonSerializerOptions.Default);
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text) : null);
    }

    /// <returns>The run's id and where its artifacts go.</returns>
    public async Task<(string Id, string ArtifactUri)> CreateRunAsync()
    {
        var info = (await PostAsync("runs/create", new { experiment_id = "0", start_time = 1 }))["run"]!["info"]!;
        return (info["run_id"]!.GetValue<string>(), info["artifact_uri"]!.GetValue<string>());
    }

    public async Task UploadAsync(string artifactUri, string path, byte[] content)
    {
        using var response = await http.PutAsync(Proxy($"{artifactUri}/{path}"), new ByteArrayContent(content));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Downloads everything below an address, as the client does: a listing a directory, a request a file.</summary>
    public async Task<Dictionary<string, byte[]>> DownloadAsync(string artifactUri, string below = "")
    {
        var files = new Dictionary<string, byte[]>();
        var directory = Proxy(below.Length == 0 ? artifactUri : $"{artifactUri}/{below}")["/api/2.0/mlflow-artifacts/artifacts/".Length..];
        var listing = JsonNode.Parse(await http.GetStringAsync($"/api/2.0/mlflow-artifacts/artifacts?path={Uri.EscapeDataString(directory)}"))!;
        foreach (var entry in listing["files"]?.AsArray() ?? [])
        {
            var path = below.Length == 0 ? entry!["path"]!.GetValue<string>() : $"{below}/{entry!["path"]!.GetValue<string>()}";
            if (entry["is_dir"]!.GetValue<bool>())
                foreach (var (name, content) in await DownloadAsync(artifactUri, path)) files[name] = content;
            else files[path] = await http.GetByteArrayAsync(Proxy($"{artifactUri}/{path}"));
        }
        return files;
    }

    public static string Proxy(string artifactUri) => "/api/2.0/mlflow-artifacts/artifacts/" + artifactUri["mlflow-artifacts:/".Length..].TrimStart('/');

    private async Task<JsonNode> SendAsync(HttpMethod method, string path, object body)
    {
        var (status, answer) = await TryAsync(method, path, body);
        return status == 200 ? answer! : throw new InvalidOperationException($"{method} {path}: {status} {answer}");
    }
}
