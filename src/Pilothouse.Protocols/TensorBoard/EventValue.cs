namespace Pilothouse.Protocols.TensorBoard;

/// <summary>A value that is not a single number, in place; legacy forms become the tensors that TensorBoard makes of them.</summary>
public readonly ref struct EventValue
{
    private readonly TfValueKind _kind;
    private readonly ReadOnlySpan<byte> _body;
    private readonly float _number;

    internal EventValue(TfValueKind kind, ReadOnlySpan<byte> body, float number)
    {
        _kind = kind;
        _body = body;
        _number = number;
    }

    /// <exception cref="ProtocolFormatException">It cannot be decoded; <see cref="ToProto"/> still has its bytes.</exception>
    public Tensor ToTensor() => _kind switch
    {
        TfValueKind.Tensor => Tensor.Decode(_body),
        TfValueKind.Histogram => LegacyValues.Histogram(_body),
        TfValueKind.Image => LegacyValues.Image(_body),
        TfValueKind.Audio => LegacyValues.Audio(_body),
        TfValueKind.Blob => Tensor.Of([1], _body.ToArray()),
        TfValueKind.Null => new Tensor(TfDataType.Float, [0], [], null),
        _ => new Tensor(TfDataType.Float, [], [_number], null),
    };

    /// <summary>As a <c>TensorProto</c>: the bytes that came, or those of the migrated tensor.</summary>
    /// <exception cref="ProtocolFormatException">A legacy value that cannot be decoded.</exception>
    public byte[] ToProto() => _kind == TfValueKind.Tensor ? _body.ToArray() : ToTensor().Encode();

    /// <summary>Bytes of the value on the wire.</summary>
    public int Size => _body.Length;
}
