namespace Pilothouse.Protocols.Artifacts;

/// <summary>
/// The outermost level of an ONNX file, a protobuf <c>ModelProto</c>: enough to tell a model from other bytes and a whole file from a cut one
/// without reading the weights. See <see href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"/>.
/// </summary>
/// <param name="IrVersion">Field 1, <c>ir_version</c>.</param>
/// <param name="GraphLength">Bytes of field 7, <c>graph</c>.</param>
public sealed record OnnxFile(long IrVersion, long GraphLength)
{
    /// <summary>Fields of the outermost level; real models have about ten.</summary>
    private const int MaxFields = 10_000;

    /// <param name="stream">At the start of the file; seekable and of known length.</param>
    /// <exception cref="ProtocolFormatException">Not an ONNX model, or a truncated one.</exception>
    public static OnnxFile Read(Stream stream)
    {
        var (irVersion, graphLength) = (0L, -1L);
        for (var fields = 0; stream.Position < stream.Length; fields++)
        {
            if (fields == MaxFields)
                throw new ProtocolFormatException($"The file has more than {MaxFields} outermost fields: it is not an ONNX model.");
            var key = Varint(stream);
            var (field, wire) = (key >> 3, key & 7);
            switch (wire)
            {
                case 0:
                    var value = Varint(stream);
                    if (field == 1) irVersion = (long)Math.Min(value, long.MaxValue);
                    break;
                case 1:
                    Skip(stream, 8);
                    break;
                case 2:
                    var length = Varint(stream);
                    Skip(stream, length);
                    if (field == 7) graphLength = (long)length;
                    break;
                case 5:
                    Skip(stream, 4);
                    break;
                default:
                    throw new ProtocolFormatException("The file is not an ONNX model: it is not protobuf.");
            }
        }

        return irVersion > 0 && graphLength >= 0 ? new OnnxFile(irVersion, graphLength) : throw new ProtocolFormatException("The file is not an ONNX model: it has no ir_version and graph.");
    }

    private static ulong Varint(Stream stream)
    {
        var result = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = stream.ReadByte();
            if (next < 0)
                throw new ProtocolFormatException("The ONNX file ends inside a field: it is truncated.");
            result |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return result;
        }

        throw new ProtocolFormatException("The file is not an ONNX model: it is not protobuf.");
    }

    private static void Skip(Stream stream, ulong length)
    {
        if (length > (ulong)(stream.Length - stream.Position))
            throw new ProtocolFormatException($"A field of the ONNX file claims {length} bytes, {stream.Length - stream.Position} are left: it is truncated, or not an ONNX model.");
        stream.Seek((long)length, SeekOrigin.Current);
    }
}
