using Pilothouse.Samples.TinyModels.Formats;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>Derives the files that are not committed: the same weights give the same bytes.</summary>
internal static class ExportCommand
{
    public static void Run(Arguments arguments, TextWriter output)
    {
        var directory = arguments.First("DIR");
        var (weights, tokenizer) = ModelDirectory.Read(directory);
        var both = !arguments.Has("onnx") && !arguments.Has("gguf");
        if (both || arguments.Has("onnx")) Write(Path.Combine(directory, ModelDirectory.Onnx), LlamaOnnx.Build(weights), output);
        if (both || arguments.Has("gguf")) Write(Path.Combine(directory, ModelDirectory.Gguf), LlamaGguf.Build(weights, tokenizer, "pilothouse-support-assistant"), output);
    }

    private static void Write(string file, byte[] content, TextWriter output)
    {
        File.WriteAllBytes(file, content);
        output.WriteLine($"wrote {file} ({content.Length} bytes, {ModelDirectory.Digest(content)})");
    }
}
