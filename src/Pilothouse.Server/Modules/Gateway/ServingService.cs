using System.Buffers.Binary;
using System.Security.Cryptography;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>Serves a call: chooses the arm, applies its prompt and parameters, runs it, and hands what happened to the recorder.</summary>
internal sealed class ServingService(RouteService routes, IModels models, IInference inference, ResponseRecorder recorder, GatewayOptions options, TimeProvider time)
{
    /// <summary>Tokens of an answer when neither request nor route says.</summary>
    private const int DefaultMaxTokens = 256;
    private const int MaxNamed = 20;

    /// <summary>The arm that answers.</summary>
    /// <exception cref="PilothouseException">NotFound, with what can be asked for.</exception>
    public async Task<Answerer> ChooseAsync(string model, string conversation, TraceParent? parent, CancellationToken ct)
    {
        var route = routes.Find(model);
        var arm = route?.Choose(conversation) ?? await DirectAsync(model, ct);
        return new Answerer(route, arm, parent?.TraceId ?? RandomHex(16), RandomHex(8), "chatcmpl-" + RandomHex(12), time.NowMs());
    }

    public async Task<Generation> ChatAsync(ChatCall call, Answerer by, Func<string, CancellationToken, ValueTask>? onToken, CancellationToken ct)
    {
        var arm = by.Arm.Definition;
        if (by.Route?.Route.Kind == "classifier") throw new PilothouseException(ErrorCode.InvalidArgument, $"'{call.Model}' is a classifier. Ask it at /v1/classifications.");
        var request = new GenerationRequest(by.Arm.Apply(call.Messages, call.Metadata), Math.Min(call.MaxTokens ?? arm.MaxTokens, by.Route is null ? options.MaxTokens : arm.MaxTokens),
            call.Temperature ?? arm.Temperature, call.Seed ?? Seed(by), onToken, call.TopP, call.Stop);
        var started = time.GetTimestamp();
        try
        {
            var generation = await inference.GenerateAsync(by.Arm.Target, request, ct);
            recorder.Record(ServedResponse.Of(call, by, request, generation, time.GetElapsedTime(started)));
            return generation;
        }
        catch (Exception e)
        {
            recorder.Record(ServedResponse.Failed(call, by, request, ErrorType(e, ct), e.Message, time.GetElapsedTime(started)));
            throw;
        }
    }

    public async Task<IReadOnlyList<Classification>> ClassifyAsync(ClassifyCall call, Answerer by, CancellationToken ct)
    {
        if (by.Route?.Route.Kind == "generative") throw new PilothouseException(ErrorCode.InvalidArgument, $"'{call.Model}' is a generative model. Ask it at /v1/chat/completions.");
        var started = time.GetTimestamp();
        try
        {
            var classes = await inference.ClassifyAsync(by.Arm.Target, call.Texts, ct);
            recorder.Record(ServedResponse.Of(call, by, classes, time.GetElapsedTime(started)));
            return classes;
        }
        catch (Exception e)
        {
            recorder.Record(ServedResponse.Failed(call, by, ErrorType(e, ct), e.Message, time.GetElapsedTime(started)));
            throw;
        }
    }

    /// <summary>What <c>GET /v1/models</c> lists: routes, then the newest version of each registered model that an engine here may load.</summary>
    public async Task<IReadOnlyList<string>> ModelsAsync(CancellationToken ct) =>
        [.. routes.Names, .. (await models.ListAsync(ct)).Where(m => m.LatestVersion > 0 && m.Kind != "mlflow").Select(m => $"models:/{m.Name}/{m.LatestVersion}")];

    private async Task<ActiveArm> DirectAsync(string model, CancellationToken ct)
    {
        if (model.StartsWith("models:/", StringComparison.Ordinal))
        {
            var version = await models.GetAsync(model, ct);
            return new ActiveArm(new GatewayArm("direct", 100, version.RequireDigest(), version.Reference, "onnx", null, null, 0, Math.Min(DefaultMaxTokens, options.MaxTokens)));
        }
        var known = await ModelsAsync(ct);
        throw new PilothouseException(ErrorCode.NotFound, $"The model '{(model.Length <= 100 ? model : model[..100])}' does not exist. " + (known.Count == 0
            ? "Nothing is served yet: deploy an environment, or register a model and ask for models:/NAME/VERSION."
            : $"Available: {string.Join(", ", known.Take(MaxNamed))}{(known.Count > MaxNamed ? $" and {known.Count - MaxNamed} more" : "")}."));
    }

    /// <summary>null = the client left, which says nothing about the model.</summary>
    private static string? ErrorType(Exception error, CancellationToken ct) =>
        error is OperationCanceledException && ct.IsCancellationRequested ? null : error is PilothouseException known ? ErrorShape.Name(known.Code) : error.GetType().FullName;

    /// <summary>Without a seed two equal requests may differ, as with OpenAI; the response id makes the draw repeatable from the trace.</summary>
    private static long Seed(Answerer by) => BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(by.ResponseId))) & int.MaxValue;

    private static string RandomHex(int bytes) => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(bytes));
}
