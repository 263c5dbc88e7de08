using System.Text;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>The smallest files that are what their names say.</summary>
internal static class TestModels
{
    /// <summary>An ONNX ModelProto: ir_version 8 (field 1), an empty-named graph (field 7) and a producer that tells models apart (field 2).</summary>
    public static byte[] Onnx(string producer = "test") =>
        [0x08, 0x08, 0x12, (byte)producer.Length, .. Encoding.ASCII.GetBytes(producer), 0x3A, 0x02, 0x12, 0x00];

    public static byte[] Safetensors()
    {
        var header = """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"""u8;
        return [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[8]];
    }

    public static Dictionary<string, byte[]> Classifier(string producer = "test") => new()
    {
        ["config.json"] = """{"model_type":"hashed_ngrams"}"""u8.ToArray(),
        ["model.onnx"] = Onnx(producer),
    };

    public static Dictionary<string, byte[]> Generative() => new()
    {
        ["config.json"] = """{"model_type":"llama"}"""u8.ToArray(),
        ["tokenizer.json"] = "{}"u8.ToArray(),
        ["model.safetensors"] = Safetensors(),
    };

    /// <summary>Stores the files and lists them.</summary>
    public static async Task<IReadOnlyList<ArtifactFile>> StoreAsync(this IBlobStore blobs, Dictionary<string, byte[]> files)
    {
        var stored = new List<ArtifactFile>();
        foreach (var (path, content) in files)
        {
            var blob = await blobs.PutAsync(content, default);
            stored.Add(new ArtifactFile(path, blob.Digest, blob.Size));
        }
        return stored;
    }
}
