using System.Globalization;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>An input or output of an ONNX graph.</summary>
/// <param name="Dtype">FLOAT, INT64, ... as onnx.proto names them; empty for what is no tensor.</param>
/// <param name="Shape">A number, the name of a dimension, or <c>?</c>.</param>
public sealed record OnnxValue(string Name, string Dtype, IReadOnlyList<string> Shape);

/// <summary>
/// What an ONNX file (protobuf <c>ModelProto</c>) says about itself. The bytes of the weights are stepped over.
/// See <see href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"/>.
/// </summary>
public sealed class OnnxHeader
{
    /// <summary>Fields that are looked at before a file is taken for hostile; a model of 100,000 nodes has about 2 million.</summary>
    public const int MaxFields = 5_000_000;

    /// <summary>Entries kept of each list.</summary>
    public const int MaxEntries = 10_000;

    private const int MaxText = 64 * 1024;
    private const int MaxDimensions = 64;

    private static readonly string[] Dtypes =
    [
        "UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16",
        "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4", "FLOAT4E2M1",
    ];

    private readonly List<OnnxValue> _inputs = [];
    private readonly List<OnnxValue> _outputs = [];
    private readonly List<TensorInfo> _initializers = [];
    private readonly Dictionary<string, long> _operators = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly OnnxCursor _cursor;
    private bool _hasGraph;

    private OnnxHeader(Stream stream) => _cursor = new OnnxCursor(stream, MaxFields);

    public long IrVersion { get; private set; }

    public string GraphName { get; private set; } = "";

    /// <summary>Inputs that a caller gives: those with a stored value are not among them.</summary>
    public IReadOnlyList<OnnxValue> Inputs { get; private set; } = [];

    public IReadOnlyList<OnnxValue> Outputs => _outputs;

    /// <summary>The first stored tensors; <see cref="TensorInfo.Offset"/> and <see cref="TensorInfo.Length"/> are those of their elements in the file.</summary>
    public IReadOnlyList<TensorInfo> Initializers => _initializers;

    public int InitializerCount { get; private set; }

    /// <summary>Elements of all stored tensors.</summary>
    public long ParameterCount { get; private set; }

    /// <summary>How often each operator is used.</summary>
    public IReadOnlyDictionary<string, long> Operators => _operators;

    /// <summary>Producer, opsets and the model's own properties.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <param name="stream">At the start of the file; seekable and of known length.</param>
    /// <exception cref="ProtocolFormatException">Not an ONNX model, a truncated one, or beyond a bound.</exception>
    public static OnnxHeader Read(Stream stream)
    {
        var header = new OnnxHeader(stream);
        header.Model(stream.Length);
        if (header.IrVersion <= 0 || !header._hasGraph)
            throw new ProtocolFormatException("The file is not an ONNX model: it has no ir_version and graph.");
        var stored = header._initializers.Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        header.Inputs = [.. header._inputs.Where(i => !stored.Contains(i.Name))];
        return header;
    }

    private void Model(long end)
    {
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            switch (field)
            {
                case 1: IrVersion = (long)Math.Min(_cursor.Value, long.MaxValue); break;
                case 2: Say("producer", _cursor.Text(length, MaxText)); break;
                case 3: Say("producer_version", _cursor.Text(length, MaxText)); break;
                case 7: Graph(_cursor.Position + length); break;
                case 8: Opset(_cursor.Position + length); break;
                case 14: Property(_cursor.Position + length); break;
            }
        }
    }

    private void Graph(long end)
    {
        _hasGraph = true;
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            switch (field)
            {
                case 1: Node(_cursor.Position + length); break;
                case 2: GraphName = _cursor.Text(length, MaxText); break;
                case 5: Initializer(_cursor.Position, length); break;
                case 11: AddValue(_inputs, _cursor.Position + length); break;
                case 12: AddValue(_outputs, _cursor.Position + length); break;
            }
        }
    }

    private void Node(long end)
    {
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            if (field != 4) continue;
            var name = _cursor.Text(length, MaxText);
            if (_operators.TryGetValue(name, out var count)) _operators[name] = count + 1;
            else if (_operators.Count < MaxEntries) _operators[name] = 1;
        }
    }

    private void Initializer(long start, long length)
    {
        var end = start + length;
        var (name, dtype, shape, elements) = ("", 0, new List<long>(), Int128.One);
        var (data, bytes, isRaw, isExternal) = (-1L, 0L, false, false);
        void Dimension(ulong value)
        {
            if (shape.Count == MaxDimensions) throw new ProtocolFormatException($"A tensor of the ONNX file has more than {MaxDimensions} dimensions.");
            shape.Add((long)Math.Min(value, long.MaxValue));
            elements = Int128.Min(elements * shape[^1], long.MaxValue);
        }
        for (var at = start; _cursor.Next(ref at, end, out var field, out var inner);)
        {
            switch (field)
            {
                case 1 when _cursor.Wire == 0: Dimension(_cursor.Value); break;
                case 1:
                    for (var last = _cursor.Position + inner; _cursor.Position < last;) Dimension(_cursor.Varint(last));
                    break;
                case 2: dtype = (int)Math.Min(_cursor.Value, int.MaxValue); break;
                case 8: name = _cursor.Text(inner, MaxText); break;
                // float_data and double_data are packed, little-endian, as raw_data is; the other typed lists are varints.
                case 4 or 10 when _cursor.Wire == 2: (data, bytes, isRaw) = (_cursor.Position, inner, data < 0); break;
                case 5 or 7 or 11 when _cursor.Wire == 2: (data, bytes, isRaw) = (_cursor.Position, inner, false); break;
                case 9: (data, bytes, isRaw) = (_cursor.Position, inner, true); break;
                case 14: isExternal = _cursor.Value == 1; break;
            }
        }
        // Nothing of these: strings, or lists in several pieces. The message as a whole still tells whether two are the same.
        if (data < 0) (data, bytes) = (start, length);
        if (isExternal) (data, bytes) = (-1, -1);
        InitializerCount++;
        ParameterCount = (long)Int128.Min((Int128)ParameterCount + elements, long.MaxValue);
        if (_initializers.Count < MaxEntries) _initializers.Add(new TensorInfo(name, Dtype(dtype), shape, data, bytes) { IsEncoded = !isRaw && !isExternal });
    }

    private void AddValue(List<OnnxValue> list, long end)
    {
        var (name, dtype, shape) = ("", "", new List<string>());
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            if (field == 1) name = _cursor.Text(length, MaxText);
            else if (field == 2) dtype = TensorType(_cursor.Position + length, shape);
        }
        if (list.Count < MaxEntries) list.Add(new OnnxValue(name, dtype, shape));
    }

    private string TensorType(long end, List<string> shape)
    {
        var dtype = "";
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            if (field != 1) continue;
            var tensorEnd = _cursor.Position + length;
            for (var tensor = _cursor.Position; _cursor.Next(ref tensor, tensorEnd, out field, out length);)
            {
                if (field == 1) dtype = Dtype((int)Math.Min(_cursor.Value, int.MaxValue));
                else if (field == 2) Shape(_cursor.Position + length, shape);
            }
        }
        return dtype;
    }

    private void Shape(long end, List<string> shape)
    {
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            if (field != 1) continue;
            var text = "?";
            var dimensionEnd = _cursor.Position + length;
            for (var dimension = _cursor.Position; _cursor.Next(ref dimension, dimensionEnd, out field, out length);)
            {
                if (field == 1) text = _cursor.Value.ToString(CultureInfo.InvariantCulture);
                else if (field == 2) text = _cursor.Text(length, MaxText);
            }
            if (shape.Count == MaxDimensions) throw new ProtocolFormatException($"A value of the ONNX file has more than {MaxDimensions} dimensions.");
            shape.Add(text);
        }
    }

    private void Opset(long end)
    {
        var (domain, version) = ("", 0UL);
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            if (field == 1) domain = _cursor.Text(length, MaxText);
            else if (field == 2) version = _cursor.Value;
        }
        Say(domain.Length == 0 ? "opset" : $"opset {domain}", version.ToString(CultureInfo.InvariantCulture));
    }

    private void Property(long end)
    {
        var (key, value) = ("", "");
        for (var at = _cursor.Position; _cursor.Next(ref at, end, out var field, out var length);)
        {
            if (field == 1) key = _cursor.Text(length, MaxText);
            else if (field == 2) value = _cursor.Text(length, MaxText);
        }
        Say(key, value);
    }

    private void Say(string key, string value)
    {
        if (_metadata.Count < MaxEntries) _metadata[key] = value;
    }

    private static string Dtype(int number) => number >= 0 && number < Dtypes.Length ? Dtypes[number] : string.Create(CultureInfo.InvariantCulture, $"type{number}");
}
