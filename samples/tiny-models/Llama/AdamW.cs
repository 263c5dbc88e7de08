using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>AdamW with warm-up, cosine decay to a twentieth, and the gradient's norm clipped to one.</summary>
internal sealed class AdamW(Tensor[] tensors, float peakRate, int steps)
{
    private const float Beta1 = 0.9f;
    private const float Beta2 = 0.95f;
    private const float WeightDecay = 0.05f;
    private const float Epsilon = 1e-8f;
    private const int LongestWarmUp = 50;

    private readonly float[][] _first = [.. tensors.Select(tensor => new float[tensor.Values.Length])];
    private readonly float[][] _second = [.. tensors.Select(tensor => new float[tensor.Values.Length])];
    private float _beta1Power = 1, _beta2Power = 1;
    private int _step;

    public void Step()
    {
        var rate = Rate(_step++);
        _beta1Power *= Beta1;
        _beta2Power *= Beta2;
        var clip = ClipFactor();
        for (var i = 0; i < tensors.Length; i++)
            Update(tensors[i], _first[i], _second[i], rate, clip);
    }

    /// <summary>Cosine in double, rounded to float: the same rate whatever the C library.</summary>
    private float Rate(int step)
    {
        var warmUp = Math.Max(1, Math.Min(LongestWarmUp, steps / 10));
        var cosine = 0.05 + 0.95 * 0.5 * (1 + Math.Cos(Math.PI * step / steps));
        return (float)(peakRate * Math.Min(1.0, (step + 1.0) / warmUp) * cosine);
    }

    private float ClipFactor()
    {
        var squares = 0.0;
        foreach (var tensor in tensors) squares += Simd.Dot(tensor.Gradient, tensor.Gradient);
        return (float)Math.Min(1, 1 / (Math.Sqrt(squares) + 1e-9));
    }

    private void Update(Tensor tensor, Span<float> first, Span<float> second, float rate, float clip)
    {
        var values = tensor.Values.AsSpan();
        var gradient = tensor.Gradient.AsSpan();
        var decay = tensor.IsMatrix ? 1 - rate * WeightDecay : 1f;
        var firstScale = 1 / (1 - _beta1Power);
        var secondScale = 1 / (1 - _beta2Power);
        for (var i = 0; i < values.Length; i++)
        {
            var g = gradient[i] * clip;
            var m = first[i] = Beta1 * first[i] + (1 - Beta1) * g;
            var v = second[i] = Beta2 * second[i] + (1 - Beta2) * g * g;
            values[i] = values[i] * decay - rate * (m * firstScale) / (MathF.Sqrt(v * secondScale) + Epsilon);
        }
    }
}
