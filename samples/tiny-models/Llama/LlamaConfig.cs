namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>The shape of the network: a Llama with tied embeddings and as many key/value heads as query heads.</summary>
internal sealed record LlamaConfig(int Vocabulary, int Width, int Layers, int Heads, int Hidden, int Context)
{
    public const double RopeTheta = 10_000;
    public const float NormEpsilon = 1e-5f;

    /// <summary>The assistant: 0.38 million parameters.</summary>
    public static LlamaConfig Assistant { get; } = new(Vocabulary: 512, Width: 96, Layers: 3, Heads: 4, Hidden: 256, Context: 128);

    public int HeadWidth => Width / Heads;

    /// <summary>
    /// Cosine and sine of position p and frequency j at [p * HeadWidth / 2 + j]. Computed in double and rounded: two C libraries that differ in the
    /// last bit of a double still give the same float.
    /// </summary>
    public (float[] Cos, float[] Sin) RotaryTables()
    {
        var half = HeadWidth / 2;
        var cos = new float[Context * half];
        var sin = new float[Context * half];
        for (var p = 0; p < Context; p++)
            for (var j = 0; j < half; j++)
            {
                var angle = p * Math.Pow(RopeTheta, -2.0 * j / HeadWidth);
                cos[p * half + j] = (float)Math.Cos(angle);
                sin[p * half + j] = (float)Math.Sin(angle);
            }
        return (cos, sin);
    }
}
