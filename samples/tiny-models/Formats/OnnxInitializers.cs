using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>Reads the float constants back out of an ONNX file: ModelProto.graph (7), GraphProto.initializer (5), TensorProto data_type (2), name (8), raw_data (9).</summary>
internal static class OnnxInitializers
{
    /// <exception cref="InvalidDataException">The bytes are no ONNX model.</exception>
    public static Dictionary<string, float[]> Read(byte[] model)
    {
        try
        {
            var found = new Dictionary<string, float[]>();
            foreach (var graph in Fields(model, 7))
                foreach (var tensor in Fields(graph, 5))
                {
                    var name = Fields(tensor, 8).Select(System.Text.Encoding.UTF8.GetString).Single();
                    if (DataType(tensor) == OnnxGraph.Float) found[name] = MemoryMarshal.Cast<byte, float>(Fields(tensor, 9).Single()).ToArray();
                }
            return found;
        }
        catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidOperationException)
        {
            throw new InvalidDataException($"This is no ONNX model: {fault.Message}", fault);
        }
    }

    /// <summary>The length-delimited fields of one number.</summary>
    private static List<byte[]> Fields(byte[] message, int number)
    {
        var found = new List<byte[]>();
        var input = new CodedInputStream(message);
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (tag == WireFormat.MakeTag(number, WireFormat.WireType.LengthDelimited)) found.Add(input.ReadBytes().ToByteArray());
            else input.SkipLastField();
        }
        return found;
    }

    private static int DataType(byte[] tensor)
    {
        var input = new CodedInputStream(tensor);
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (tag == WireFormat.MakeTag(2, WireFormat.WireType.Varint)) return input.ReadInt32();
            input.SkipLastField();
        }
        return 0;
    }
}
