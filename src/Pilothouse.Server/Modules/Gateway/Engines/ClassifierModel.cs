using Microsoft.ML.OnnxRuntime;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>A loaded classifier: features as ids int64 [1,N]; output either the probability of the positive label, float [1], or one number a label. Safe to share.</summary>
internal sealed class ClassifierModel : IDisposable
{
    private const int MaxLabels = 1000;

    private readonly InferenceSession _session;
    private readonly HashedNgrams _features;
    private readonly string[] _labels;
    private readonly string _positive;
    private readonly string _input;
    private readonly string _output;
    private readonly string _reference;

    private ClassifierModel(ModelFiles files, Settings settings, InferenceSession session)
    {
        (_session, _features, _labels, _positive, _input, _output, _reference) = (session, settings.Features, settings.Labels, settings.Positive, settings.Input, settings.Output, files.Reference);
        OnnxSessions.Require(files, session, [_input], [_output]);
    }

    public static ClassifierModel Load(ModelFiles files)
    {
        var settings = files.Json("config.json", json =>
        {
            string[] labels = [.. json.GetProperty("labels").EnumerateArray().Take(MaxLabels + 1).Select(l => l.GetString() ?? throw new FormatException("a label is not text"))];
            if (labels.Length is < 2 or > MaxLabels || labels.Distinct().Count() != labels.Length) throw new FormatException($"'labels' must be 2 to {MaxLabels} different texts");
            var positive = json.TryGetProperty("positive_label", out var value) ? value.GetString()! : labels[^1];
            if (!labels.Contains(positive)) throw new FormatException($"'positive_label' is '{positive}', which is not one of 'labels'");
            return new Settings(new HashedNgrams(json), labels, positive, Name("onnx_input", "ids"), Name("onnx_output", "probability"));
            string Name(string key, string absent) => json.TryGetProperty(key, out var name) ? name.GetString() ?? absent : absent;
        });
        var session = OnnxSessions.Open(files);
        try
        {
            return new ClassifierModel(files, settings, session);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public Classification Classify(string text)
    {
        var ids = _features.Ids(text);
        try
        {
            using var input = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]);
            using var options = new RunOptions();
            using var outputs = _session.Run(options, [_input], [input], [_output]);
            return new Classification(Probabilities(outputs[0].GetTensorDataAsSpan<float>()));
        }
        catch (OnnxRuntimeException e)
        {
            throw OnnxSessions.RunFault(_reference, e);
        }
    }

    public void Dispose() => _session.Dispose();

    private Dictionary<string, double> Probabilities(ReadOnlySpan<float> output)
    {
        if (output.Length == 1 && _labels.Length == 2)
            return new Dictionary<string, double> { [_positive] = output[0], [_labels[0] == _positive ? _labels[1] : _labels[0]] = 1 - (double)output[0] };
        if (output.Length != _labels.Length)
            throw new PilothouseException(ErrorCode.UpstreamFailed, $"{_reference} gave {output.Length} numbers for {_labels.Length} labels. Register a version whose files belong together.");
        var probabilities = new Dictionary<string, double>(_labels.Length);
        for (var i = 0; i < _labels.Length; i++) probabilities[_labels[i]] = output[i];
        return probabilities;
    }

    private sealed record Settings(HashedNgrams Features, string[] Labels, string Positive, string Input, string Output);
}
