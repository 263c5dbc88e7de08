using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>A chart of several scalars: the lines whose tags match, or values with lower and upper bounds.</summary>
/// <param name="Tags">Regular expressions; null for a margin chart.</param>
/// <param name="Margins">Tags of value, lower and upper bound; null for a chart of lines.</param>
public sealed record CustomChart(string Title, IReadOnlyList<string>? Tags, IReadOnlyList<(string Value, string Lower, string Upper)>? Margins);

public sealed record CustomCategory(string Title, IReadOnlyList<CustomChart> Charts, bool Closed);

/// <summary>Layout of the custom_scalars plugin, which lies in the tag <c>custom_scalars__config__</c>.</summary>
public sealed record CustomScalarsLayout(IReadOnlyList<CustomCategory> Categories)
{
    public const string Tag = "custom_scalars__config__";

    /// <exception cref="ProtocolFormatException">It is no <c>Layout</c>.</exception>
    public static CustomScalarsLayout Parse(ReadOnlySpan<byte> message)
    {
        var categories = new List<CustomCategory>();
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(2, WireType.Length)) categories.Add(ParseCategory(reader.Bytes()));
            else reader.Skip();
        }
        return new CustomScalarsLayout(categories);
    }

    private static CustomCategory ParseCategory(ReadOnlySpan<byte> message)
    {
        var (title, charts, closed) = ("", new List<CustomChart>(), false);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) title = reader.Text();
            else if (reader.Is(2, WireType.Length)) charts.Add(ParseChart(reader.Bytes()));
            else if (reader.Is(3, WireType.Varint)) closed = reader.Varint() != 0;
            else reader.Skip();
        }
        return new CustomCategory(title, charts, closed);
    }

    private static CustomChart ParseChart(ReadOnlySpan<byte> message)
    {
        var chart = new CustomChart("", null, null);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) chart = chart with { Title = reader.Text() };
            else if (reader.Is(2, WireType.Length)) chart = chart with { Tags = Texts(reader.Bytes()), Margins = null };
            else if (reader.Is(3, WireType.Length)) chart = chart with { Margins = MarginsOf(reader.Bytes()), Tags = null };
            else reader.Skip();
        }
        return chart;
    }

    private static List<string> Texts(ReadOnlySpan<byte> message)
    {
        var texts = new List<string>();
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) texts.Add(reader.Text());
            else reader.Skip();
        }
        return texts;
    }

    private static List<(string Value, string Lower, string Upper)> MarginsOf(ReadOnlySpan<byte> message)
    {
        var series = new List<(string, string, string)>();
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (!reader.Is(1, WireType.Length))
            {
                reader.Skip();
                continue;
            }
            var (value, lower, upper) = ("", "", "");
            var one = new ProtoReader(reader.Bytes());
            while (one.Next())
            {
                if (one.Is(1, WireType.Length)) value = one.Text();
                else if (one.Is(2, WireType.Length)) lower = one.Text();
                else if (one.Is(3, WireType.Length)) upper = one.Text();
                else one.Skip();
            }
            series.Add((value, lower, upper));
        }
        return series;
    }
}
