using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Providers of promptfoo that are no engine of this server: <c>http(s)://</c> and <c>exec:</c>, asked as promptfoo asks them. Unlike there, a status other
/// than 2xx is no answer.
/// </summary>
internal sealed class PromptfooCalls(IRepositories repositories, IHttpClientFactory clients, IServerVariables variables, EvaluationOptions options, TimeProvider time)
{
    public const string Client = "promptfoo";

    private const int MaxFileBytes = 16 * 1024 * 1024;

    /// <summary>Bytes of one response, and characters of what a command writes.</summary>
    private const int MaxAnswer = 4 * 1024 * 1024;

    /// <summary>As JavaScript writes JSON.</summary>
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] Unsent = ["content-type", "content-length", "host"];

    /// <exception cref="PilothouseException">Unsupported: this server runs no commands.</exception>
    public async Task<ModelSubject> SubjectAsync(string project, string commit, string path, PromptfooProvider provider, CancellationToken ct)
    {
        var subject = PromptfooPlanner.Subject(provider);
        if (provider.Http is { } http)
        {
            Require(http, $"{path}:{provider.Line}");
            var target = new InferenceTarget(Digest(http), "http", http.Url);
            return subject with { Reference = $"{http.Method} {http.Url}", Target = target, Ask = (request, stop) => SendAsync(http, request, stop) };
        }
        if (provider.Kind != "exec") return subject;
        if (!options.AllowProcesses)
            throw new PilothouseException(ErrorCode.Unsupported, $"{path}:{provider.Line}: '{provider.Id}' runs a command, and this server runs none: who may push could run anything with its rights. If everyone who may is trusted, set Evaluation:AllowProcesses to true.");
        var files = new List<(string, byte[])>();
        var directory = path.Contains('/', StringComparison.Ordinal) ? path[..(path.LastIndexOf('/') + 1)] : "";
        foreach (var part in provider.Files)
            if (await repositories.ReadFileAsync(project, commit, directory + part, MaxFileBytes, ct) is { } content) files.Add((part, content));
        var program = new CommandProgram(provider.Command, files, options.CallTimeout);
        var digest = Digest(new { provider.Command, Files = files.Select(f => new { f.Item1, Hash = Convert.ToHexStringLower(SHA256.HashData(f.Item2)) }) });
        return subject with { Reference = $"{provider.Id} ({digest[..19]})", Target = new InferenceTarget(digest, "exec"), Ask = (request, stop) => RunAsync(program, request, stop) };
    }

    private async Task<Generation> SendAsync(PromptfooHttp http, GenerationRequest request, CancellationToken ct)
    {
        var vars = Vars(request);
        if (http.Variables.Count > 0) vars["env"] = JsonSerializer.SerializeToElement(http.Variables.ToDictionary(v => v, v => variables.Get(v, null), StringComparer.Ordinal));
        string Fill(string template) => PromptfooPlanner.Render(template, vars);
        var address = Fill(http.Url);
        if (http.Query.Count > 0) address += (address.Contains('?', StringComparison.Ordinal) ? "&" : "?") + string.Join('&', http.Query.Select(q => $"{Uri.EscapeDataString(q.Key)}={Uri.EscapeDataString(Fill(q.Value))}"));
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) throw new PilothouseException(ErrorCode.InvalidArgument, $"{http.Url} is no address once it is filled in.");
        Allow(http, url); // before anything leaves: this very host has to be allowed
        using var message = new HttpRequestMessage(new HttpMethod(http.Method), url);
        if (http.Method != "GET" && http.Body is { } body) message.Content = Content(body, http.Headers.GetValueOrDefault("content-type"), vars);
        foreach (var (name, value) in http.Headers.Where(h => !Unsent.Contains(h.Key))) message.Headers.TryAddWithoutValidation(name, Fill(value));
        var started = time.GetTimestamp();
        try
        {
            using var response = await clients.CreateClient(Client).SendAsync(message, HttpCompletionOption.ResponseHeadersRead, ct);
            await response.Content.LoadIntoBufferAsync(MaxAnswer, ct);
            var text = await response.Content.ReadAsStringAsync(ct);
            if (!response.IsSuccessStatusCode) throw Refused(http, response, text);
            var json = AssertionScorers.Parse(text);
            var output = http.Output is not null ? http.Output.Find(json, text) ?? throw new PilothouseException(ErrorCode.Unsupported, $"transformResponse '{http.Output.Written}' finds nothing in the response: {JsonLinesProcess.Shown(text)}")
                : json is { ValueKind: JsonValueKind.String } said ? said.GetString()! : json is { ValueKind: JsonValueKind.Object or JsonValueKind.Array } value ? JsonSerializer.Serialize(value) : text;
            return Answer(output, started);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new PilothouseException(ErrorCode.UpstreamFailed, $"{http.Method} {http.Url} failed: {e.Message}", e);
        }
    }

    /// <summary>Variables that may not be used, or not toward this host, stop the plan; a host that the tests decide is looked at with each request.</summary>
    private void Require(PromptfooHttp http, string where)
    {
        try
        {
            if (http.Variables.Count == 0) return;
            var env = JsonSerializer.SerializeToElement(http.Variables.ToDictionary(v => v, v => variables.Get(v, null), StringComparer.Ordinal));
            var host = http.Url.Replace("{{env", "", StringComparison.Ordinal).Replace("{{ env", "", StringComparison.Ordinal).Contains("{{", StringComparison.Ordinal) ? null : PromptfooPlanner.Render(http.Url, new Dictionary<string, JsonElement> { ["env"] = env });
            if (!Uri.TryCreate(host, UriKind.Absolute, out var url)) return;
            Allow(http, url);
        }
        catch (PilothouseException e)
        {
            throw new PilothouseException(e.Code, $"{where}: {e.Message}", e);
        }
    }

    private void Allow(PromptfooHttp http, Uri url)
    {
        foreach (var variable in http.Variables)
        {
            try
            {
                variables.Get(variable, url);
            }
            catch (PilothouseException) when (http.Variables.Any(v => http.Url.Contains("env." + v, StringComparison.Ordinal)))
            {
                // The host may be made of a value, so what refuses it must not be told with its name.
                throw new PilothouseException(ErrorCode.FailedPrecondition, $"{http.Url}: {variable} may not be sent to the host that this becomes. Allow that host on the server: Gateway:KeyVariables:{variable}.") { IsPermanent = true };
            }
        }
    }

    private static PilothouseException Refused(PromptfooHttp http, HttpResponseMessage response, string text)
    {
        var code = response.StatusCode == HttpStatusCode.TooManyRequests ? ErrorCode.RateLimited : (int)response.StatusCode >= 500 ? ErrorCode.UpstreamFailed : ErrorCode.Unsupported;
        return new PilothouseException(code, $"{http.Method} {http.Url} answered {(int)response.StatusCode}: {JsonLinesProcess.Shown(text)}") { RetryAfter = response.Headers.RetryAfter?.Delta };
    }

    // A mapping: its texts are templates, and one that is a JSON object or list when it is filled becomes that. A text with a JSON type: filled with values that are escaped when it is not JSON otherwise.
    private static StringContent Content(JsonElement body, string? type, IReadOnlyDictionary<string, JsonElement> vars)
    {
        if (body.ValueKind != JsonValueKind.String) return new StringContent(Filled(body, vars)!.ToJsonString(Plain), Encoding.UTF8, type is null ? new MediaTypeHeaderValue("application/json") : MediaTypeHeaderValue.Parse(type));
        var text = PromptfooPlanner.Render(body.GetString()!, vars);
        if (type is null) return new StringContent(text, Encoding.UTF8, new MediaTypeHeaderValue("application/x-www-form-urlencoded"));
        if (!type.Contains("json", StringComparison.Ordinal)) return new StringContent(text, Encoding.UTF8, MediaTypeHeaderValue.Parse(type));
        if (AssertionScorers.Parse(text) is null)
            text = PromptfooPlanner.Render(body.GetString()!, vars.ToDictionary(v => v.Key, v => Escaped(v.Value), StringComparer.Ordinal));
        return new StringContent(text, Encoding.UTF8, MediaTypeHeaderValue.Parse(type));
    }

    private static JsonElement Escaped(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => JsonSerializer.SerializeToElement(JsonSerializer.Serialize(value, Plain)[1..^1]),
        JsonValueKind.Object => JsonSerializer.SerializeToElement(value.EnumerateObject().ToDictionary(m => m.Name, m => Escaped(m.Value), StringComparer.Ordinal)), // env
        _ => value,
    };

    private static JsonNode? Filled(JsonElement value, IReadOnlyDictionary<string, JsonElement> vars) => value.ValueKind switch
    {
        JsonValueKind.Object => new JsonObject(value.EnumerateObject().Select(m => KeyValuePair.Create(m.Name, Filled(m.Value, vars)))),
        JsonValueKind.Array => new JsonArray([.. value.EnumerateArray().Select(v => Filled(v, vars))]),
        JsonValueKind.String => PromptfooPlanner.Render(value.GetString()!, vars) is var text && text.TrimStart() is ['{' or '[', ..] && AssertionScorers.Parse(text) is { } parsed ? JsonNode.Parse(parsed.GetRawText()) : JsonValue.Create(text),
        _ => JsonNode.Parse(value.GetRawText()),
    };

    /// <summary>The program gets the prompt, the provider's settings and the test as its last three arguments; what it writes is the answer.</summary>
    private async Task<Generation> RunAsync(CommandProgram program, GenerationRequest request, CancellationToken ct)
    {
        var prompt = request.Messages[^1].Content;
        string[] arguments = [prompt, "{\"config\":{\"basePath\":\".\"},\"env\":{}}", JsonSerializer.Serialize(new { vars = Vars(request), prompt = new { raw = prompt } })];
        var started = time.GetTimestamp();
        var (output, error) = await new CommandCall(program, options.CommandVariables, MaxAnswer, time).RunAsync(arguments, ct);
        return error is null ? Answer(output, started) : throw new PilothouseException(ErrorCode.Unsupported, error);
    }

    private Generation Answer(string text, long started)
    {
        var took = time.GetElapsedTime(started);
        return new Generation(text, 0, 0, "stop", null, took, took);
    }

    /// <summary>The variables of the test, and the prompt beside them.</summary>
    private static Dictionary<string, JsonElement> Vars(GenerationRequest request) =>
        new(request.Metadata?.Select(m => KeyValuePair.Create(m.Key, JsonSerializer.SerializeToElement(m.Value))) ?? [], StringComparer.Ordinal) { ["prompt"] = JsonSerializer.SerializeToElement(request.Messages[^1].Content) };

    private static string Digest<T>(T value) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(value)));
}
