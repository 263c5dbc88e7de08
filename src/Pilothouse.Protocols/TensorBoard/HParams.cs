using System.Globalization;
using System.Text;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>How a trial ended.</summary>
public enum HParamsStatus
{
    Unknown = 0,
    Success = 1,
    Failure = 2,
    Running = 3,
}

/// <summary>Start of a trial: its hyper-parameters.</summary>
/// <param name="HParams">double, string, bool or null.</param>
public sealed record HParamsStart(IReadOnlyList<KeyValuePair<string, object?>> HParams, string ModelUri, string MonitorUrl, string GroupName, double StartSeconds);

/// <summary>Content of the hparams plugin; of the members exactly one is set, or none for the description of the experiment.</summary>
/// <param name="IsExperiment">The description of the experiment: names, domains and metrics, which stays as bytes.</param>
public sealed record HParamsData(HParamsStart? Start, (HParamsStatus Status, double EndSeconds)? End, bool IsExperiment)
{
    private const int MaxDepth = 16;

    /// <exception cref="ProtocolFormatException">It is no <c>HParamsPluginData</c>.</exception>
    public static HParamsData Parse(ReadOnlySpan<byte> content)
    {
        var data = new HParamsData(null, null, false);
        var reader = new ProtoReader(content);
        while (reader.Next())
        {
            if (reader.Is(2, WireType.Length))
            {
                reader.Skip();
                data = new HParamsData(null, null, true);
            }
            else if (reader.Is(3, WireType.Length)) data = new HParamsData(ParseStart(reader.Bytes()), null, false);
            else if (reader.Is(4, WireType.Length)) data = new HParamsData(null, ParseEnd(reader.Bytes()), false);
            else reader.Skip();
        }
        return data;
    }

    /// <summary>As Python's clients write parameters: <c>0.001</c>, <c>32</c>, <c>True</c>.</summary>
    public static string TextOf(object? value) => value switch
    {
        bool flag => flag ? "True" : "False",
        double number when double.IsInteger(number) && Math.Abs(number) < 1e15 => number.ToString("0", CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture).Replace("E", "e", StringComparison.Ordinal),
        null => "None",
        _ => (string)value,
    };

    private static HParamsStart ParseStart(ReadOnlySpan<byte> message)
    {
        var hparams = new Dictionary<string, object?>(StringComparer.Ordinal);
        var (model, monitor, group, start) = ("", "", "", 0.0);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length))
            {
                var (key, value) = ParseEntry(reader.Bytes());
                hparams[key] = value;
            }
            else if (reader.Is(2, WireType.Length)) model = reader.Text();
            else if (reader.Is(3, WireType.Length)) monitor = reader.Text();
            else if (reader.Is(4, WireType.Length)) group = reader.Text();
            else if (reader.Is(5, WireType.Fixed64)) start = reader.Double();
            else reader.Skip();
        }
        return new HParamsStart([.. hparams], model, monitor, group, start);
    }

    private static (string Key, object? Value) ParseEntry(ReadOnlySpan<byte> message)
    {
        var (key, value) = ("", (object?)null);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) key = reader.Text();
            else if (reader.Is(2, WireType.Length)) value = ParseValue(reader.Bytes(), 0);
            else reader.Skip();
        }
        return (key, value);
    }

    /// <summary><c>google.protobuf.Value</c>; a list or structure becomes its text, since a parameter is a text in the end.</summary>
    private static object? ParseValue(ReadOnlySpan<byte> message, int depth)
    {
        if (depth > MaxDepth) throw new ProtocolFormatException($"A hyper-parameter is nested more than {MaxDepth} deep.");
        object? value = null;
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(2, WireType.Fixed64)) value = reader.Double();
            else if (reader.Is(3, WireType.Length)) value = reader.Text();
            else if (reader.Is(4, WireType.Varint)) value = reader.Varint() != 0;
            else if (reader.Is(5, WireType.Length)) value = Fields(reader.Bytes(), depth);
            else if (reader.Is(6, WireType.Length)) value = Items(reader.Bytes(), depth);
            else reader.Skip();
        }
        return value;
    }

    private static string Items(ReadOnlySpan<byte> message, int depth)
    {
        var text = new StringBuilder("[");
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) text.Append(text.Length > 1 ? ", " : "").Append(TextOf(ParseValue(reader.Bytes(), depth + 1)));
            else reader.Skip();
        }
        return text.Append(']').ToString();
    }

    private static string Fields(ReadOnlySpan<byte> message, int depth)
    {
        var text = new StringBuilder("{");
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (!reader.Is(1, WireType.Length))
            {
                reader.Skip();
                continue;
            }
            var (key, value) = ("", (object?)null);
            var entry = new ProtoReader(reader.Bytes());
            while (entry.Next())
            {
                if (entry.Is(1, WireType.Length)) key = entry.Text();
                else if (entry.Is(2, WireType.Length)) value = ParseValue(entry.Bytes(), depth + 1);
                else entry.Skip();
            }
            text.Append(text.Length > 1 ? ", " : "").Append(key).Append(": ").Append(TextOf(value));
        }
        return text.Append('}').ToString();
    }

    private static (HParamsStatus Status, double EndSeconds) ParseEnd(ReadOnlySpan<byte> message)
    {
        var (status, end) = (HParamsStatus.Unknown, 0.0);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Varint)) status = (HParamsStatus)(int)reader.Varint();
            else if (reader.Is(2, WireType.Fixed64)) end = reader.Double();
            else reader.Skip();
        }
        return (status, end);
    }

    /// <summary>Content for a value of the tag <c>_hparams_/session_start_info</c>.</summary>
    public static byte[] EncodeStart(HParamsStart start)
    {
        var info = new ProtoWriter();
        foreach (var (key, value) in start.HParams)
        {
            var held = value switch
            {
                bool flag => new ProtoWriter().Varint(4, flag ? 1UL : 0),
                double number => new ProtoWriter().Double(2, number),
                null => new ProtoWriter().Varint(1, 0),
                _ => new ProtoWriter().Text(3, (string)value),
            };
            info.Bytes(1, new ProtoWriter().Text(1, key).Bytes(2, held.Written).Written);
        }
        if (start.ModelUri.Length > 0) info.Text(2, start.ModelUri);
        if (start.MonitorUrl.Length > 0) info.Text(3, start.MonitorUrl);
        if (start.GroupName.Length > 0) info.Text(4, start.GroupName);
        return new ProtoWriter().Bytes(3, info.Double(5, start.StartSeconds).Written).ToArray();
    }

    /// <summary>Content for a value of the tag <c>_hparams_/session_end_info</c>.</summary>
    public static byte[] EncodeEnd(HParamsStatus status, double endSeconds) =>
        new ProtoWriter().Bytes(4, new ProtoWriter().Varint(1, (ulong)status).Double(2, endSeconds).Written).ToArray();

    /// <summary>Content for a value of the tag <c>_hparams_/experiment</c>: the names of parameters and metrics, without which TensorBoard shows no table.</summary>
    /// <param name="hparams">Name and kind (1 text, 2 yes or no, 3 number).</param>
    /// <param name="metrics">Tags of scalars.</param>
    public static byte[] EncodeExperiment(string name, double createdSeconds, IEnumerable<(string Name, int Kind)> hparams, IEnumerable<string> metrics)
    {
        var experiment = new ProtoWriter().Double(3, createdSeconds);
        foreach (var (hparam, kind) in hparams) experiment.Bytes(4, new ProtoWriter().Text(1, hparam).Varint(4, (ulong)kind).Written);
        foreach (var tag in metrics) experiment.Bytes(5, new ProtoWriter().Bytes(1, new ProtoWriter().Text(2, tag).Written).Written);
        return new ProtoWriter().Bytes(2, experiment.Text(6, name).Written).ToArray();
    }
}
