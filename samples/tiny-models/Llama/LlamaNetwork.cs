using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>Forward and backward pass of a batch, written out by hand. Not thread-safe: it owns its work buffers.</summary>
internal sealed class LlamaNetwork(LlamaWeights weights)
{
    private readonly LlamaConfig _config = weights.Config;
    private readonly Rotary _rotary = new(weights.Config);
    private readonly List<LayerState> _layers = [.. weights.Layers.Select(_ => new LayerState())];
    private float[] _out = [], _finalNorm = [], _finalInverse = [], _scored = [], _logits = [];
    private float[] _dx = [], _dNorm = [], _dScored = [], _dq = [], _dk = [], _dv = [], _dAttention = [], _dGate = [], _dUp = [], _dHidden = [];

    /// <summary>Mean cross-entropy over the scored positions, in nats.</summary>
    public double Loss(TokenBatch batch)
    {
        Forward(batch);
        return SoftmaxLoss(batch, gradient: false);
    }

    /// <summary>The loss; the tensors' gradients hold its derivatives afterwards.</summary>
    public double LossAndGradient(TokenBatch batch)
    {
        Forward(batch);
        var loss = SoftmaxLoss(batch, gradient: true);
        foreach (var tensor in weights.All) Array.Clear(tensor.Gradient);
        Backward(batch);
        return loss;
    }

    private void Forward(TokenBatch batch)
    {
        int n = batch.Tokens.Length, d = _config.Width, h = _config.Hidden;
        var x = Grow(ref _layers[0].Input, n * d);
        for (var i = 0; i < n; i++) Array.Copy(weights.Embedding.Values, batch.Tokens[i] * d, x, i * d, d);
        for (var l = 0; l < _config.Layers; l++)
        {
            var w = weights.Layers[l];
            var s = _layers[l];
            RmsNorm.Forward(s.Input, w.InputNorm.Values, Grow(ref s.Norm1, n * d), Grow(ref s.Inverse1, n), n, d);
            Gemm.Forward(s.Norm1, w.Query.Values, Grow(ref s.Query, n * d), n, d, d);
            Gemm.Forward(s.Norm1, w.Key.Values, Grow(ref s.Key, n * d), n, d, d);
            Gemm.Forward(s.Norm1, w.Value.Values, Grow(ref s.Value, n * d), n, d, d);
            _rotary.ApplyRows(s.Query, batch, 1);
            _rotary.ApplyRows(s.Key, batch, 1);
            Attention.Forward(_config, batch, s.Query, s.Key, s.Value, Grow(ref s.Weights, Attention.WeightCount(batch, _config.Heads)), Grow(ref s.Attended, n * d));
            Gemm.Forward(s.Attended, w.Output.Values, Grow(ref s.Middle, n * d), n, d, d);
            Simd.Add(s.Input.AsSpan(0, n * d), s.Middle);
            RmsNorm.Forward(s.Middle, w.MlpNorm.Values, Grow(ref s.Norm2, n * d), Grow(ref s.Inverse2, n), n, d);
            Gemm.Forward(s.Norm2, w.Gate.Values, Grow(ref s.Gate, n * h), n, h, d);
            Gemm.Forward(s.Norm2, w.Up.Values, Grow(ref s.Up, n * h), n, h, d);
            Simd.Sigmoid(s.Gate.AsSpan(0, n * h), Grow(ref s.Sigmoid, n * h));
            Grow(ref s.Hidden, n * h);
            for (var i = 0; i < n * h; i++) s.Hidden[i] = s.Gate[i] * s.Sigmoid[i] * s.Up[i];
            var next = l + 1 < _config.Layers ? Grow(ref _layers[l + 1].Input, n * d) : Grow(ref _out, n * d);
            Gemm.Forward(s.Hidden, w.Down.Values, next, n, d, h);
            Simd.Add(s.Middle.AsSpan(0, n * d), next);
        }
        RmsNorm.Forward(_out, weights.FinalNorm.Values, Grow(ref _finalNorm, n * d), Grow(ref _finalInverse, n), n, d);
        // Only the scored positions need logits: about two thirds of the widest product are saved.
        var count = batch.Scored.Length;
        Grow(ref _scored, count * d);
        for (var i = 0; i < count; i++) Array.Copy(_finalNorm, batch.Scored[i] * d, _scored, i * d, d);
        Gemm.Forward(_scored, weights.Embedding.Values, Grow(ref _logits, count * _config.Vocabulary), count, _config.Vocabulary, d);
    }

    /// <summary>Turns the logits into the derivatives of the mean loss when <paramref name="gradient"/>.</summary>
    private double SoftmaxLoss(TokenBatch batch, bool gradient)
    {
        var count = batch.Scored.Length;
        var total = 0.0;
        for (var i = 0; i < count; i++)
        {
            var row = _logits.AsSpan(i * _config.Vocabulary, _config.Vocabulary);
            var target = batch.Targets[batch.Scored[i]];
            var max = float.MinValue;
            foreach (var logit in row) max = MathF.Max(max, logit);
            var correct = row[target] - max;
            var sum = Simd.ExpAndSum(row, max);
            total += Math.Log(sum) - correct;
            if (!gradient) continue;
            var scale = 1f / (sum * count);
            for (var j = 0; j < row.Length; j++) row[j] *= scale;
            row[target] -= 1f / count;
        }
        return total / count;
    }

    private void Backward(TokenBatch batch)
    {
        int n = batch.Tokens.Length, d = _config.Width, h = _config.Hidden, v = _config.Vocabulary, count = batch.Scored.Length;
        Gemm.AddWeightGradient(_logits, _scored, weights.Embedding.Gradient, v, d, count);
        Gemm.AddInputGradient(_logits, weights.Embedding.Values, Zero(ref _dScored, count * d), count, d, v);
        Zero(ref _dNorm, n * d);
        for (var i = 0; i < count; i++) Array.Copy(_dScored, i * d, _dNorm, batch.Scored[i] * d, d);
        RmsNorm.Backward(_out, weights.FinalNorm, _finalInverse, _dNorm, Zero(ref _dx, n * d), n);
        for (var l = _config.Layers - 1; l >= 0; l--)
        {
            BackwardMlp(weights.Layers[l], _layers[l], n, d, h);
            BackwardAttention(weights.Layers[l], _layers[l], batch, n, d);
        }
        for (var i = 0; i < n; i++) Simd.Add(_dx.AsSpan(i * d, d), weights.Embedding.Gradient.AsSpan(batch.Tokens[i] * d, d));
    }

    private void BackwardMlp(LlamaLayer w, LayerState s, int n, int d, int h)
    {
        Gemm.AddWeightGradient(_dx, s.Hidden, w.Down.Gradient, d, h, n);
        Gemm.AddInputGradient(_dx, w.Down.Values, Zero(ref _dHidden, n * h), n, h, d);
        Grow(ref _dGate, n * h);
        Grow(ref _dUp, n * h);
        for (var i = 0; i < n * h; i++)
        {
            var sigmoid = s.Sigmoid[i];
            _dUp[i] = _dHidden[i] * s.Gate[i] * sigmoid;
            _dGate[i] = _dHidden[i] * s.Up[i] * (sigmoid * (1 + s.Gate[i] * (1 - sigmoid)));
        }
        Gemm.AddWeightGradient(_dGate, s.Norm2, w.Gate.Gradient, h, d, n);
        Gemm.AddWeightGradient(_dUp, s.Norm2, w.Up.Gradient, h, d, n);
        Gemm.AddInputGradient(_dGate, w.Gate.Values, Zero(ref _dNorm, n * d), n, d, h);
        Gemm.AddInputGradient(_dUp, w.Up.Values, _dNorm, n, d, h);
        RmsNorm.Backward(s.Middle, w.MlpNorm, s.Inverse2, _dNorm, _dx, n);
    }

    private void BackwardAttention(LlamaLayer w, LayerState s, TokenBatch batch, int n, int d)
    {
        Gemm.AddWeightGradient(_dx, s.Attended, w.Output.Gradient, d, d, n);
        Gemm.AddInputGradient(_dx, w.Output.Values, Zero(ref _dAttention, n * d), n, d, d);
        Attention.Backward(_config, batch, s.Query, s.Key, s.Value, s.Weights, _dAttention, Zero(ref _dq, n * d), Zero(ref _dk, n * d), Zero(ref _dv, n * d));
        _rotary.ApplyRows(_dq, batch, -1);
        _rotary.ApplyRows(_dk, batch, -1);
        Zero(ref _dNorm, n * d);
        foreach (var (gradient, tensor) in ((float[], Tensor)[])[(_dq, w.Query), (_dk, w.Key), (_dv, w.Value)])
        {
            Gemm.AddWeightGradient(gradient, s.Norm1, tensor.Gradient, d, d, n);
            Gemm.AddInputGradient(gradient, tensor.Values, _dNorm, n, d, d);
        }
        RmsNorm.Backward(s.Input, w.InputNorm, s.Inverse1, _dNorm, _dx, n);
    }

    private static float[] Grow(ref float[] buffer, int length)
    {
        if (buffer.Length < length) buffer = new float[length];
        return buffer;
    }

    private static float[] Zero(ref float[] buffer, int length)
    {
        Array.Clear(Grow(ref buffer, length), 0, length);
        return buffer;
    }

    /// <summary>What the backward pass needs of a layer's forward pass.</summary>
    private sealed class LayerState
    {
        public float[] Input = [], Norm1 = [], Inverse1 = [], Query = [], Key = [], Value = [], Weights = [], Attended = [];
        public float[] Middle = [], Norm2 = [], Inverse2 = [], Gate = [], Up = [], Sigmoid = [], Hidden = [];
    }
}
