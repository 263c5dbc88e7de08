using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Pilothouse.Server.Tests.Modules.Hub;

/// <summary>Calls as huggingface_hub makes them.</summary>
internal sealed class HubCalls(HttpClient http)
{
    public static string Line(string key, object value) => JsonSerializer.Serialize(new { key, value });

    public static string File(string path, string text) => Line("file", new { content = Convert.ToBase64String(Encoding.UTF8.GetBytes(text)), path, encoding = "base64" });

    public static string Large(string path, byte[] content) => Line("lfsFile", new { path, algo = "sha256", oid = Convert.ToHexStringLower(SHA256.HashData(content)), size = content.Length });

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body, Action<HttpRequestMessage>? with = null)
    {
        using var request = new HttpRequestMessage(method, "hf/" + path) { Content = body is null ? null : JsonContent.Create(body) };
        with?.Invoke(request);
        return await http.SendAsync(request);
    }

    public async Task<JsonElement> GetAsync(string path) => await JsonAsync(await SendAsync(HttpMethod.Get, path, null));

    public async Task<JsonElement> PostAsync(string path, object body) => await JsonAsync(await SendAsync(HttpMethod.Post, path, body));

    public async Task<JsonElement> FormAsync(string path, IEnumerable<(string, string)> fields) =>
        await JsonAsync(await http.PostAsync("hf/" + path, new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Item1, f.Item2)))));

    /// <returns>False when the server had it.</returns>
    public async Task<bool> UploadAsync(string id, byte[] content)
    {
        var oid = Convert.ToHexStringLower(SHA256.HashData(content));
        var answer = await PostAsync($"{id}.git/info/lfs/objects/batch", new { operation = "upload", transfers = new[] { "basic", "multipart" }, objects = new[] { new { oid, size = content.Length } }, hash_algo = "sha256" });
        if (!answer.GetProperty("objects")[0].TryGetProperty("actions", out var actions)) return false;
        using var put = await http.PutAsync(actions.GetProperty("upload").GetProperty("href").GetString(), new ByteArrayContent(content));
        put.EnsureSuccessStatusCode();
        using var verify = await http.PostAsJsonAsync(actions.GetProperty("verify").GetProperty("href").GetString(), new { oid, size = content.Length });
        verify.EnsureSuccessStatusCode();
        return true;
    }

    /// <returns>The commit.</returns>
    public Task<string> CommitAsync(string id, string? parent, params string[] lines) => CommitAsync(id, parent, lines, "model");

    public async Task<string> CommitAsync(string id, string? parent, string[] lines, string type) =>
        (await JsonAsync(await TryCommitAsync(id, parent, lines, "main", type))).GetProperty("commitOid").GetString()!;

    public Task<HttpResponseMessage> TryCommitAsync(string id, string? parent, params string[] lines) => TryCommitAsync(id, parent, lines, "main");

    public Task<HttpResponseMessage> TryCommitAsync(string id, string? parent, string[] lines, string typeOrBranch) =>
        typeOrBranch is "dataset" ? TryCommitAsync(id, parent, lines, "main", "dataset") : TryCommitAsync(id, parent, lines, typeOrBranch, "model");

    private Task<HttpResponseMessage> TryCommitAsync(string id, string? parent, string[] lines, string branch, string type)
    {
        var body = string.Join('\n', lines.Prepend(Line("header", new { summary = "Upload", description = "", parentCommit = parent }))) + "\n";
        return http.PostAsync($"hf/api/{type}s/{id}/commit/{branch}", new StringContent(body, Encoding.UTF8, "application/x-ndjson"));
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{response.RequestMessage?.RequestUri}: {(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
