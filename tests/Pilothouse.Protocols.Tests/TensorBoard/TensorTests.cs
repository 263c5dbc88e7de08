using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.Tests.TensorBoard;

/// <summary>What the golden files leave open: types and lists that TensorBoard's own decoder refuses, and claims no tensor may make.</summary>
public sealed class TensorTests
{
    [Fact]
    public void A_list_shorter_than_the_shape_repeats_its_last_element_as_in_TensorFlow()
    {
        Assert.Equal([1, 2, 2, 2, 2, 2], Tensor.Decode(Floats([2, 3], 1, 2)).Numbers!);
        Assert.Equal([7, 7, 7], Tensor.Decode(Floats([3], 7)).Numbers!);
        Assert.Equal([0, 0], Tensor.Decode(Floats([2])).Numbers!);
        Assert.Equal([], Tensor.Decode(Floats([0, 3])).Numbers!);
    }

    [Fact]
    public void Types_that_TensorBoard_does_not_decode_are_decoded()
    {
        Assert.Equal([4_000_000_000], Decode(TfDataType.UInt32, w => w.Bytes(16, new ProtoWriter().Varint(0, 4_000_000_000).Written[1..])).Numbers!);
        Assert.Equal([18_446_744_073_709_551_615.0], Decode(TfDataType.UInt64, w => w.Varint(17, ulong.MaxValue)).Numbers!);
        Assert.Equal([1.5], Decode(TfDataType.BFloat16, w => w.Varint(13, 0x3FC0)).Numbers!);
        Assert.Equal([-2], Decode(TfDataType.BFloat16, w => w.Bytes(4, [0x00, 0xC0])).Numbers!);
        Assert.Equal([255], Decode(TfDataType.UInt8, w => w.Varint(7, 255)).Numbers!);
        Assert.Equal([-1], Decode(TfDataType.Int16, w => w.Bytes(4, [0xFF, 0xFF])).Numbers!);
        Assert.Equal([1.5, -2], Decode(TfDataType.Complex128, w => w.Bytes(4, [.. BitConverter.GetBytes(1.5), .. BitConverter.GetBytes(-2.0)])).Numbers!);
    }

    [Theory]
    [InlineData("more elements than the shape")]
    [InlineData("a million million elements")]
    [InlineData("a negative dimension")]
    [InlineData("an overflow of dimensions")]
    [InlineData("an unknown rank")]
    [InlineData("content of another size")]
    [InlineData("a type nobody knows")]
    [InlineData("no type")]
    [InlineData("a thousand dimensions")]
    public void A_tensor_that_contradicts_itself_is_refused_by_name(string what)
    {
        var proto = what switch
        {
            "more elements than the shape" => Floats([1], 1, 2, 3),
            "a million million elements" => Floats([1_000_000, 1_000_000], 1),
            "a negative dimension" => Floats([-1], 1),
            "an overflow of dimensions" => Floats([long.MaxValue, long.MaxValue, long.MaxValue], 1),
            "an unknown rank" => new ProtoWriter().Varint(1, 1).Bytes(2, new ProtoWriter().Varint(3, 1).Written).ToArray(),
            "content of another size" => new ProtoWriter().Varint(1, 1).Bytes(2, Shape([2])).Bytes(4, new byte[9]).ToArray(),
            "a type nobody knows" => new ProtoWriter().Varint(1, 99).ToArray(),
            "no type" => new ProtoWriter().Bytes(4, new byte[4]).ToArray(),
            _ => Floats([.. Enumerable.Repeat(1L, 1000)], 1),
        };

        Assert.ThrowsAny<ProtocolFormatException>(() => Tensor.Decode(proto));
    }

    [Fact]
    public void A_tensor_writes_and_reads_back()
    {
        var numbers = new Tensor(TfDataType.Double, [2, 2], [1, double.NaN, double.PositiveInfinity, -0.0], null);
        var texts = Tensor.Of([2, 1], "a"u8.ToArray(), []);

        var readNumbers = Tensor.Decode(numbers.Encode());
        var readTexts = Tensor.Decode(texts.Encode());

        Assert.Equal(numbers.Shape, readNumbers.Shape);
        Assert.Equal(numbers.Numbers, readNumbers.Numbers);
        Assert.Equal(texts.Shape, readTexts.Shape);
        Assert.Equal(texts.Strings, readTexts.Strings);
    }

    private static Tensor Decode(TfDataType type, Func<ProtoWriter, ProtoWriter> fill) => Tensor.Decode(fill(new ProtoWriter().Varint(1, (ulong)type)).Written);

    private static byte[] Floats(long[] shape, params float[] values)
    {
        var writer = new ProtoWriter().Varint(1, 1).Bytes(2, Shape(shape));
        foreach (var value in values) writer.Float(5, value);
        return writer.ToArray();
    }

    private static byte[] Shape(long[] sizes)
    {
        var writer = new ProtoWriter();
        foreach (var size in sizes) writer.Bytes(2, new ProtoWriter().Varint(1, (ulong)size).Written);
        return writer.ToArray();
    }
}
