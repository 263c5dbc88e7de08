using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Diffs;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Registry.Diffs;

/// <summary>A tensor and the file that holds it.</summary>
internal sealed record HeldTensor(ArtifactFile File, TensorInfo Info);

/// <summary>What the weight files of one version say of themselves.</summary>
/// <param name="Metadata">By file: <c>__metadata__</c> of safetensors, the keys of GGUF but for its vocabulary.</param>
/// <param name="Vocabulary">Of a GGUF file.</param>
internal sealed record WeightFiles(IReadOnlyDictionary<string, HeldTensor> Tensors, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Metadata, Vocabulary? Vocabulary, IReadOnlyList<string> Notes)
{
    /// <summary>Tensors of one version.</summary>
    private const int MaxTensors = 1_000_000;

    private const int MaxValue = 300;

    public static bool IsWeights(string path) => Path.GetExtension(path) is ".safetensors" or ".gguf" or ".onnx";

    /// <summary>Reads headers only. A file that is not what its name says is noted, and compared by its digest like any other.</summary>
    public static async Task<WeightFiles> ReadAsync(ModelVersion version, IBlobStore blobs, CancellationToken ct)
    {
        var tensors = new SortedDictionary<string, HeldTensor>(StringComparer.Ordinal);
        var metadata = new SortedDictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        var notes = new List<string>();
        Vocabulary? vocabulary = null;
        foreach (var file in version.Files.Where(f => IsWeights(f.Path)))
        {
            await using var stream = await blobs.OpenReadAsync(file.Digest, ct);
            try
            {
                IReadOnlyList<TensorInfo> found;
                switch (Path.GetExtension(file.Path))
                {
                    case ".safetensors":
                        var safetensors = await SafetensorsHeader.ReadAsync(stream, ct);
                        (found, metadata[file.Path]) = (safetensors.Tensors, safetensors.Metadata.ToDictionary(m => m.Key, m => Cut(m.Value)));
                        break;
                    case ".gguf":
                        var gguf = GgufHeader.Read(stream);
                        (found, metadata[file.Path], vocabulary) = (gguf.Tensors, gguf.Metadata.Where(m => m.Value is not IReadOnlyList<object> { Count: > 64 }).ToDictionary(m => m.Key, m => Cut(Text(m.Value))), vocabulary ?? Vocabulary.OfGguf(gguf));
                        break;
                    default:
                        var onnx = OnnxHeader.Read(stream);
                        (found, metadata[file.Path]) = (onnx.Initializers, onnx.Metadata.ToDictionary(m => m.Key, m => Cut(m.Value)));
                        break;
                }
                foreach (var tensor in found)
                {
                    if (!tensors.TryAdd(tensor.Name, new HeldTensor(file, tensor))) notes.Add($"{version.Reference}: the tensor '{RegistryRules.Shorten(tensor.Name)}' is in {tensors[tensor.Name].File.Path} and in {file.Path}; the first counts.");
                    if (tensors.Count > MaxTensors) throw new ProtocolFormatException($"There are more than {MaxTensors} tensors.");
                }
            }
            catch (Exception e) when (e is ProtocolFormatException or EndOfStreamException)
            {
                notes.Add($"{version.Reference}: {file.Path} cannot be read as what its name says, and is compared by its digest only: {e.Message}");
            }
            if (notes.Count >= 100) break;
        }
        return new WeightFiles(tensors, metadata, vocabulary, notes);
    }

    private static string Text(object value) => value is IReadOnlyList<object> list ? $"[{string.Join(", ", list.Select(Text))}]" : Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "";

    private static string Cut(string text) => text.Length <= MaxValue ? text : text[..MaxValue] + $"... ({text.Length} characters)";
}
