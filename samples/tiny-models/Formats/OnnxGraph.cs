using System.Buffers.Binary;
using Google.Protobuf;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>Builds an ONNX ModelProto field by field (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), in the order of the calls: the same calls, the same bytes.</summary>
internal sealed class OnnxGraph(string name)
{
    public const int Float = 1;
    public const int Int64 = 7;

    private const int IrVersion = 10;
    private const int OpsetVersion = 23;

    private readonly List<byte[]> _nodes = [];
    private readonly List<byte[]> _initializers = [];
    private readonly List<byte[]> _inputs = [];
    private readonly List<byte[]> _outputs = [];

    /// <summary>A dimension is a number or, for one known only at run time, a name.</summary>
    public string Input(string input, int type, params object[] dimensions)
    {
        _inputs.Add(ValueInfo(input, type, dimensions));
        return input;
    }

    public void Output(string output, int type, params object[] dimensions) => _outputs.Add(ValueInfo(output, type, dimensions));

    public string Constant(string constant, ReadOnlySpan<float> values, params long[] shape)
    {
        var raw = new byte[values.Length * sizeof(float)];
        for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(i * sizeof(float)), values[i]);
        return Initializer(constant, Float, raw, shape);
    }

    public string Constant(string constant, ReadOnlySpan<long> values, params long[] shape)
    {
        var raw = new byte[values.Length * sizeof(long)];
        for (var i = 0; i < values.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(raw.AsSpan(i * sizeof(long)), values[i]);
        return Initializer(constant, Int64, raw, shape);
    }

    /// <summary>A node with one output, which is named after the node.</summary>
    public string Node(string op, string[] inputs, params (string Name, object Value)[] attributes)
    {
        var output = $"{op.ToLowerInvariant()}_{_nodes.Count}";
        Node(op, inputs, [output], attributes);
        return output;
    }

    /// <summary>Attribute values are int, float or an array of long.</summary>
    public void Node(string op, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        var label = $"{op}_{_nodes.Count}";
        _nodes.Add(Message(node =>
        {
            foreach (var input in inputs) Text(node, 1, input);
            foreach (var output in outputs) Text(node, 2, output);
            Text(node, 3, label);
            Text(node, 4, op);
            foreach (var (key, value) in attributes) Bytes(node, 5, Attribute(key, value));
        }));
    }

    public byte[] Build() => Message(model =>
    {
        Number(model, 1, IrVersion);
        Text(model, 2, "pilothouse-tiny-models");
        Bytes(model, 7, Message(graph =>
        {
            foreach (var node in _nodes) Bytes(graph, 1, node);
            Text(graph, 2, name);
            foreach (var initializer in _initializers) Bytes(graph, 5, initializer);
            foreach (var input in _inputs) Bytes(graph, 11, input);
            foreach (var output in _outputs) Bytes(graph, 12, output);
        }));
        Bytes(model, 8, Message(opset =>
        {
            Text(opset, 1, "");
            Number(opset, 2, OpsetVersion);
        }));
    });

    private string Initializer(string constant, int type, byte[] raw, long[] shape)
    {
        _initializers.Add(Message(tensor =>
        {
            foreach (var dimension in shape) Number(tensor, 1, dimension);
            Number(tensor, 2, type);
            Text(tensor, 8, constant);
            Bytes(tensor, 9, raw);
        }));
        return constant;
    }

    private static byte[] ValueInfo(string value, int type, object[] dimensions) => Message(info =>
    {
        Text(info, 1, value);
        Bytes(info, 2, Message(typeProto => Bytes(typeProto, 1, Message(tensor =>
        {
            Number(tensor, 1, type);
            Bytes(tensor, 2, Message(shape =>
            {
                foreach (var dimension in dimensions)
                    Bytes(shape, 1, Message(d =>
                    {
                        if (dimension is string symbol) Text(d, 2, symbol);
                        else Number(d, 1, Convert.ToInt64(dimension, null));
                    }));
            }));
        }))));
    });

    private static byte[] Attribute(string key, object value) => Message(attribute =>
    {
        Text(attribute, 1, key);
        switch (value)
        {
            case float number:
                attribute.WriteTag(2, WireFormat.WireType.Fixed32);
                attribute.WriteFloat(number);
                Number(attribute, 20, 1);
                break;
            case int number:
                Number(attribute, 3, number);
                Number(attribute, 20, 2);
                break;
            case long[] numbers:
                foreach (var number in numbers) Number(attribute, 8, number);
                Number(attribute, 20, 7);
                break;
            default:
                throw new ArgumentException($"An attribute cannot be a {value.GetType().Name}.", nameof(value));
        }
    });

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true)) write(output);
        return buffer.ToArray();
    }

    private static void Number(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }

    private static void Text(CodedOutputStream output, int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
    }

    private static void Bytes(CodedOutputStream output, int field, byte[] value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
    }
}
