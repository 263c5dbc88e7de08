namespace Pilothouse.Protocols.TensorBoard;

/// <summary>Element types of tensors, as in TensorFlow's <c>types.proto</c>; others are kept but not decoded.</summary>
public enum TfDataType
{
    Invalid = 0,
    Float = 1,
    Double = 2,
    Int32 = 3,
    UInt8 = 4,
    Int16 = 5,
    Int8 = 6,
    String = 7,
    Complex64 = 8,
    Int64 = 9,
    Bool = 10,
    QInt8 = 11,
    QUInt8 = 12,
    QInt32 = 13,
    BFloat16 = 14,
    QInt16 = 15,
    QUInt16 = 16,
    UInt16 = 17,
    Complex128 = 18,
    Half = 19,
    UInt32 = 22,
    UInt64 = 23,
}

public static class TfDataTypes
{
    /// <summary>TensorFlow's name, e.g. <c>DT_FLOAT</c>.</summary>
    public static string NameOf(this TfDataType type) => Enum.IsDefined(type) ? "DT_" + type.ToString().ToUpperInvariant() : $"DT_{(int)type}";

    /// <summary>Bytes of an element in <c>tensor_content</c>; 0 = not decoded from there.</summary>
    internal static int SizeOf(TfDataType type) => type switch
    {
        TfDataType.Float or TfDataType.Int32 or TfDataType.QInt32 or TfDataType.UInt32 => 4,
        TfDataType.Double or TfDataType.Int64 or TfDataType.UInt64 or TfDataType.Complex64 => 8,
        TfDataType.UInt8 or TfDataType.Int8 or TfDataType.QInt8 or TfDataType.QUInt8 or TfDataType.Bool => 1,
        TfDataType.Int16 or TfDataType.UInt16 or TfDataType.QInt16 or TfDataType.QUInt16 or TfDataType.Half or TfDataType.BFloat16 => 2,
        TfDataType.Complex128 => 16,
        _ => 0,
    };

    /// <summary>Field of <c>TensorProto</c> with the elements one by one; 0 = none.</summary>
    internal static int FieldOf(TfDataType type) => type switch
    {
        TfDataType.Half or TfDataType.BFloat16 => 13,
        TfDataType.Float => 5,
        TfDataType.Double => 6,
        TfDataType.Int32 or TfDataType.UInt8 or TfDataType.UInt16 or TfDataType.Int16 or TfDataType.Int8
            or TfDataType.QInt32 or TfDataType.QUInt8 or TfDataType.QInt8 or TfDataType.QInt16 or TfDataType.QUInt16 => 7,
        TfDataType.String => 8,
        TfDataType.Complex64 => 9,
        TfDataType.Int64 => 10,
        TfDataType.Bool => 11,
        TfDataType.Complex128 => 12,
        TfDataType.UInt32 => 16,
        TfDataType.UInt64 => 17,
        _ => 0,
    };
}
