using System.Text;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Tests.Artifacts;

public sealed class GgufHeaderTests
{
    [Fact]
    public void Metadata_and_tensors_are_read()
    {
        var header = Read(Sample());

        Assert.Equal((3, "llama"), (header.Version, header.Architecture));
        Assert.Equal(128L, header.Metadata["llama.context_length"]);
        Assert.Equal(["<s>", "Ġa"], Assert.IsType<List<object>>(header.Metadata["tokenizer.ggml.tokens"]));
        Assert.Equal(1e-5f, (float)(double)header.Metadata["llama.eps"]);
        Assert.Equal(("w", "F32"), (header.Tensors[0].Name, header.Tensors[0].Dtype));
        Assert.Equal([3L, 2L], header.Tensors[0].Shape);
        Assert.Equal(24, header.Tensors[0].Length);
        Assert.Equal(("q", "Q8_0", 34L), (header.Tensors[1].Name, header.Tensors[1].Dtype, header.Tensors[1].Length));
        Assert.Equal(header.Tensors[0].Offset + 32, header.Tensors[1].Offset);
    }

    [Fact]
    public void Truncated_file_is_named() =>
        Assert.Contains("truncated", Assert.Throws<ProtocolFormatException>(() => Read(Sample()[..^1])).Message, StringComparison.Ordinal);

    [Fact]
    public void Claimed_array_length_is_not_believed()
    {
        using var stream = new MemoryStream();
        using (var w = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            Start(w, tensors: 0, entries: 1);
            Text(w, "a");
            w.Write(9);
            w.Write(0);
            w.Write(ulong.MaxValue);
        }

        Assert.Throws<ProtocolFormatException>(() => Read(stream.ToArray()));
    }

    [Fact]
    public void Mutations_give_only_the_named_error() => Mutations.OnlyNamedErrors(Sample(), bytes => Read(bytes), iterations: 4_000);

    private static GgufHeader Read(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return GgufHeader.Read(stream);
    }

    private static byte[] Sample()
    {
        using var stream = new MemoryStream();
        using var w = new BinaryWriter(stream);
        Start(w, tensors: 2, entries: 4);
        Text(w, "general.architecture");
        w.Write(8);
        Text(w, "llama");
        Text(w, "llama.context_length");
        w.Write(4);
        w.Write(128u);
        Text(w, "llama.eps");
        w.Write(6);
        w.Write(1e-5f);
        Text(w, "tokenizer.ggml.tokens");
        w.Write(9);
        w.Write(8);
        w.Write(2UL);
        Text(w, "<s>");
        Text(w, "Ġa");
        Tensor(w, "w", type: 0, offset: 0, 2, 3);
        Tensor(w, "q", type: 8, offset: 32, 32);
        while (stream.Position % 32 != 0)
            w.Write((byte)0);
        w.Write(new byte[32 + 34]);
        return stream.ToArray();
    }

    private static void Start(BinaryWriter w, ulong tensors, ulong entries)
    {
        w.Write("GGUF"u8);
        w.Write(3);
        w.Write(tensors);
        w.Write(entries);
    }

    private static void Tensor(BinaryWriter w, string name, int type, ulong offset, params ulong[] innermostFirst)
    {
        Text(w, name);
        w.Write(innermostFirst.Length);
        foreach (var d in innermostFirst)
            w.Write(d);
        w.Write(type);
        w.Write(offset);
    }

    private static void Text(BinaryWriter w, string text)
    {
        w.Write((ulong)Encoding.UTF8.GetByteCount(text));
        w.Write(Encoding.UTF8.GetBytes(text));
    }
}
