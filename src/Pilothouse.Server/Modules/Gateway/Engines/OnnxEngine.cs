using System.Threading.Channels;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Runs models in this process with ONNX Runtime: the embedded default, for small models.</summary>
internal sealed class OnnxEngine(GatewayOptions options, TimeProvider time) : IEngine, IDisposable
{
    private readonly ModelCache<LoadedModel> _models = new(options.MaxLoadedModels, options.MaxLoadedBytes);
    private readonly EngineThreads _threads = new(options);

    public string Name => "onnx";

    public async Task<Generation> GenerateAsync(EngineModel model, GenerationRequest request, CancellationToken ct)
    {
        if (request.Tools is not null) throw new PilothouseException(ErrorCode.Unsupported, $"The engine 'onnx' offers no tools to {model.Reference}. Use an OpenAI-compatible server, or leave tools out of the suite.");
        using var lease = await RentAsync(model, ct);
        var llama = lease.Model.Generative(model.Reference);
        // The thread never waits for the reader: the channel holds a whole answer, and MaxTokens bounds that.
        var pieces = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var generation = _threads.RunAsync(token =>
        {
            try
            {
                return LlamaDecoding.Generate(llama, request, options.MaxTokens, time, request.OnToken is null ? static _ => { } : piece => pieces.Writer.TryWrite(piece), token);
            }
            finally
            {
                pieces.Writer.Complete();
            }
        }, ct);
        if (request.OnToken is null) return await generation;
        try
        {
            // A work item cancelled while it waited never completes the channel: the token ends this loop then.
            await foreach (var piece in pieces.Reader.ReadAllAsync(ct)) await request.OnToken(piece, ct);
        }
        catch
        {
            await ((Task)generation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // the lease must outlive the run
            throw;
        }
        return await generation;
    }

    public async Task<IReadOnlyList<double>> ScoreAsync(EngineModel model, string text, IReadOnlyList<string> continuations, CancellationToken ct)
    {
        using var lease = await RentAsync(model, ct);
        var llama = lease.Model.Generative(model.Reference);
        return await _threads.RunAsync(token => LlamaDecoding.Score(llama, text, continuations, token), ct);
    }

    public async Task<IReadOnlyList<Classification>> ClassifyAsync(EngineModel model, IReadOnlyList<string> texts, CancellationToken ct)
    {
        using var lease = await RentAsync(model, ct);
        var classifier = lease.Model.Classifier(model.Reference);
        return await _threads.RunAsync(token => texts.Select(text =>
        {
            token.ThrowIfCancellationRequested();
            return classifier.Classify(text);
        }).ToArray(), ct);
    }

    public void Dispose()
    {
        _threads.Dispose();
        _models.Dispose();
    }

    private Task<ModelCache<LoadedModel>.Lease> RentAsync(EngineModel model, CancellationToken ct) =>
        _models.RentAsync(model.Digest, model.Size, () => _threads.RunAsync(_ => LoadedModel.Load(model), CancellationToken.None), ct);
}

/// <summary>A model of either kind.</summary>
internal sealed class LoadedModel(LlamaModel? generative, ClassifierModel? classifier) : IDisposable
{
    public static LoadedModel Load(EngineModel model)
    {
        var files = new ModelFiles(model);
        return LlamaConfig.ModelType(files) switch
        {
            "llama" => new LoadedModel(LlamaModel.Load(files), null),
            "hashed_ngrams" => new LoadedModel(null, ClassifierModel.Load(files)),
            var other => throw files.Fault("config.json", $"its model_type is '{(other.Length <= 40 ? other : other[..40])}'; the engine 'onnx' runs llama and hashed_ngrams, and engine: openai any model behind an OpenAI-compatible server"),
        };
    }

    public LlamaModel Generative(string reference) => generative ??
        throw new PilothouseException(ErrorCode.Unsupported, $"{reference} is a classifier: it can be asked for classifications, not for text.");

    public ClassifierModel Classifier(string reference) => classifier ??
        throw new PilothouseException(ErrorCode.Unsupported, $"{reference} is a generative model: it can be asked for text, not for classifications.");

    public void Dispose()
    {
        generative?.Dispose();
        classifier?.Dispose();
    }
}
