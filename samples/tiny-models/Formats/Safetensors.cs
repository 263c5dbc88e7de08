using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Samples.TinyModels.Llama;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>The safetensors file of a model (https://github.com/huggingface/safetensors): 8-byte header length, JSON header, raw little-endian floats.</summary>
internal static class Safetensors
{
    /// <summary>The specification's own limit.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    public static byte[] Write(LlamaWeights weights)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long offset = 0;
        foreach (var tensor in weights.All)
        {
            var end = offset + tensor.Values.Length * sizeof(float);
            JsonArray shape = tensor.IsMatrix ? [tensor.Rows, tensor.Columns] : [tensor.Columns];
            header[tensor.Name] = new JsonObject { ["dtype"] = "F32", ["shape"] = shape, ["data_offsets"] = new JsonArray(offset, end) };
            offset = end;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        // The header is padded with spaces so that the tensors start on a multiple of eight.
        var padded = (json.Length + 7) / 8 * 8;
        var file = new byte[8 + padded + offset];
        BinaryPrimitives.WriteInt64LittleEndian(file, padded);
        json.CopyTo(file, 8);
        file.AsSpan(8 + json.Length, padded - json.Length).Fill((byte)' ');
        var at = 8 + padded;
        foreach (var tensor in weights.All)
            foreach (var value in tensor.Values)
            {
                BinaryPrimitives.WriteSingleLittleEndian(file.AsSpan(at), value);
                at += sizeof(float);
            }
        return file;
    }

    /// <exception cref="InvalidDataException">The file is not the model that <paramref name="config"/> describes.</exception>
    public static LlamaWeights Read(byte[] file, LlamaConfig config)
    {
        if (file.Length < 8) throw new InvalidDataException("The safetensors file is shorter than its 8-byte length field.");
        var length = BinaryPrimitives.ReadInt64LittleEndian(file);
        if (length is < 2 or > MaxHeaderBytes || length > file.Length - 8) throw new InvalidDataException($"The safetensors header of {length} bytes does not fit the file of {file.Length}.");
        using var header = JsonDocument.Parse(file.AsMemory(8, (int)length));
        var weights = new LlamaWeights(config);
        foreach (var tensor in weights.All)
        {
            if (!header.RootElement.TryGetProperty(tensor.Name, out var entry)) throw new InvalidDataException($"The safetensors file has no tensor {tensor.Name}.");
            var from = entry.GetProperty("data_offsets")[0].GetInt64();
            var bytes = tensor.Values.Length * sizeof(float);
            if (entry.GetProperty("dtype").GetString() != "F32" || entry.GetProperty("data_offsets")[1].GetInt64() - from != bytes || from < 0 || 8 + length + from + bytes > file.Length)
                throw new InvalidDataException($"Tensor {tensor.Name} is not {tensor.Rows} x {tensor.Columns} of F32 inside the file.");
            MemoryMarshal.Cast<byte, float>(file.AsSpan((int)(8 + length + from), bytes)).CopyTo(tensor.Values);
        }
        return weights;
    }
}
