using System.Buffers.Binary;
using System.Text;

namespace Pilothouse.Testing;

/// <summary>Makes weight files of random tensors.</summary>
public static class WeightFiles
{
    /// <param name="tensors">Name, bytes and seed of each; the same seed and length give the same bytes.</param>
    /// <param name="note">A metadata string.</param>
    public static byte[] Safetensors(IReadOnlyList<(string Name, int Length, int Seed)> tensors, string note = "pt")
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"" + note + "\"}");
        var offset = 0L;
        foreach (var (name, length, _) in tensors)
        {
            header.Append($",\"{name}\":{{\"dtype\":\"U8\",\"shape\":[{length}],\"data_offsets\":[{offset},{offset + length}]}}");
            offset += length;
        }
        var json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        var file = new byte[8 + json.Length + offset];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        var at = 8 + json.Length;
        foreach (var (_, length, seed) in tensors)
        {
            new Random(seed).NextBytes(file.AsSpan(at, length));
            at += length;
        }
        return file;
    }

    /// <summary>Tensors aligned to 32 bytes, of type I8.</summary>
    public static byte[] Gguf(IReadOnlyList<(string Name, int Length, int Seed)> tensors)
    {
        var head = new MemoryStream();
        using var writer = new BinaryWriter(head);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Count);
        writer.Write(0UL);
        var offset = 0UL;
        foreach (var (name, length, _) in tensors)
        {
            writer.Write((ulong)name.Length);
            writer.Write(Encoding.UTF8.GetBytes(name));
            writer.Write(1u);
            writer.Write((ulong)length);
            writer.Write(24u);
            writer.Write(offset);
            offset += ((ulong)length + 31) / 32 * 32;
        }
        while (head.Length % 32 != 0) writer.Write((byte)0);
        foreach (var (_, length, seed) in tensors)
        {
            var content = new byte[(length + 31) / 32 * 32];
            new Random(seed).NextBytes(content.AsSpan(0, length));
            writer.Write(content);
        }
        return head.ToArray();
    }
}
