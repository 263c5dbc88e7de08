using Pilothouse.Samples.TinyModels.Llama;

namespace Pilothouse.Samples.Tests.Llama;

/// <summary>The loss of one batch in double precision, written from the definition with plain loops: what the trainer's float passes are checked against.</summary>
internal sealed class ReferenceForward(LlamaWeights weights)
{
    private readonly LlamaConfig _c = weights.Config;
    private readonly Dictionary<Tensor, double[]> _values = weights.All.ToDictionary(t => t, t => Array.ConvertAll(t.Values, v => (double)v));

    public double[] this[Tensor tensor] => _values[tensor];

    public double Loss(TokenBatch batch)
    {
        var total = 0.0;
        for (var row = 0; row < batch.Rows; row++)
        {
            var start = batch.RowStarts[row];
            var tokens = batch.Tokens[start..batch.RowStarts[row + 1]];
            var logits = Logits(tokens);
            for (var t = 0; t < tokens.Length; t++)
            {
                var target = batch.Targets[start + t];
                if (target == TokenBatch.Unscored) continue;
                total += Math.Log(logits[t].Sum(Math.Exp)) - logits[t][target];
            }
        }
        return total / batch.Scored.Length;
    }

    public double[][] Logits(int[] tokens)
    {
        var x = tokens.Select(id => this[weights.Embedding].AsSpan(id * _c.Width, _c.Width).ToArray()).ToArray();
        foreach (var layer in weights.Layers)
        {
            var norm = x.Select(row => Norm(row, layer.InputNorm)).ToArray();
            var q = norm.Select((row, t) => Rotate(Multiply(layer.Query, row), t)).ToArray();
            var k = norm.Select((row, t) => Rotate(Multiply(layer.Key, row), t)).ToArray();
            var v = norm.Select(row => Multiply(layer.Value, row)).ToArray();
            for (var t = 0; t < x.Length; t++) Add(x[t], Multiply(layer.Output, Attend(q[t], k, v, t)));
            foreach (var row in x)
            {
                var n = Norm(row, layer.MlpNorm);
                var gate = Multiply(layer.Gate, n);
                var up = Multiply(layer.Up, n);
                Add(row, Multiply(layer.Down, [.. gate.Select((g, i) => g / (1 + Math.Exp(-g)) * up[i])]));
            }
        }
        return [.. x.Select(row => Multiply(weights.Embedding, Norm(row, weights.FinalNorm)))];
    }

    private double[] Attend(double[] q, double[][] k, double[][] v, int t)
    {
        var output = new double[_c.Width];
        for (var head = 0; head < _c.Width; head += _c.HeadWidth)
        {
            var scores = new double[t + 1];
            for (var u = 0; u <= t; u++)
            {
                for (var j = 0; j < _c.HeadWidth; j++) scores[u] += q[head + j] * k[u][head + j];
                scores[u] = Math.Exp(scores[u] / Math.Sqrt(_c.HeadWidth));
            }
            var sum = scores.Sum();
            for (var u = 0; u <= t; u++)
                for (var j = 0; j < _c.HeadWidth; j++) output[head + j] += scores[u] / sum * v[u][head + j];
        }
        return output;
    }

    private double[] Rotate(double[] token, int position)
    {
        var half = _c.HeadWidth / 2;
        var result = new double[token.Length];
        for (var head = 0; head < token.Length; head += _c.HeadWidth)
            for (var j = 0; j < half; j++)
            {
                var angle = position * Math.Pow(LlamaConfig.RopeTheta, -2.0 * j / _c.HeadWidth);
                result[head + j] = token[head + j] * Math.Cos(angle) - token[head + half + j] * Math.Sin(angle);
                result[head + half + j] = token[head + half + j] * Math.Cos(angle) + token[head + j] * Math.Sin(angle);
            }
        return result;
    }

    private double[] Norm(double[] row, Tensor scale)
    {
        var inverse = 1 / Math.Sqrt(row.Sum(value => value * value) / row.Length + LlamaConfig.NormEpsilon);
        return [.. row.Select((value, i) => value * inverse * this[scale][i])];
    }

    private double[] Multiply(Tensor w, double[] x)
    {
        var y = new double[w.Rows];
        for (var i = 0; i < w.Rows; i++)
            for (var j = 0; j < w.Columns; j++) y[i] += this[w][i * w.Columns + j] * x[j];
        return y;
    }

    private static void Add(double[] row, double[] more)
    {
        for (var i = 0; i < row.Length; i++) row[i] += more[i];
    }
}
