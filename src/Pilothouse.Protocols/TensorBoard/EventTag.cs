using System.Text;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>How values are stored, as <c>summary.proto</c> has it.</summary>
public enum TfDataClass
{
    Unknown = 0,
    Scalar = 1,
    Tensor = 2,
    BlobSequence = 3,
}

/// <summary>What a summary says about its tag; TensorBoard honours only the first one of a tag in a run.</summary>
public sealed record SummaryMetadata(string Plugin, byte[] Content, string DisplayName, string Description, TfDataClass DataClass)
{
    public static SummaryMetadata Of(string plugin, TfDataClass dataClass, string displayName = "") => new(plugin, [], displayName, "", dataClass);

    /// <exception cref="ProtocolFormatException">It is no metadata.</exception>
    internal static SummaryMetadata Parse(ReadOnlySpan<byte> message)
    {
        var (plugin, content, display, description, dataClass) = ("", Array.Empty<byte>(), "", "", TfDataClass.Unknown);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length))
            {
                var data = new ProtoReader(reader.Bytes());
                while (data.Next())
                {
                    if (data.Is(1, WireType.Length)) plugin = data.Text();
                    else if (data.Is(2, WireType.Length)) content = data.Bytes().ToArray();
                    else data.Skip();
                }
            }
            else if (reader.Is(2, WireType.Length)) display = reader.Text();
            else if (reader.Is(3, WireType.Length)) description = reader.Text();
            else if (reader.Is(4, WireType.Varint)) dataClass = (TfDataClass)(int)reader.Varint();
            else reader.Skip();
        }
        return new SummaryMetadata(plugin, content, display, description, dataClass);
    }

    internal byte[] Encode()
    {
        var data = new ProtoWriter().Text(1, Plugin);
        if (Content.Length > 0) data.Bytes(2, Content);
        var writer = new ProtoWriter().Bytes(1, data.Written);
        if (DisplayName.Length > 0) writer.Text(2, DisplayName);
        if (Description.Length > 0) writer.Text(3, Description);
        return writer.Varint(4, (ulong)DataClass).ToArray();
    }
}

/// <summary>One tag of a run. Tags are opaque: nothing is trimmed, split or normalised.</summary>
public sealed class EventTag(string name)
{
    public string Name { get; } = name;

    /// <summary>Null as long as no value of the tag had any.</summary>
    public SummaryMetadata? Metadata { get; private set; }

    /// <summary>Plugin of the tag; empty when nothing said it.</summary>
    public string Plugin { get; private set; } = "";

    /// <summary>True when its values are single numbers.</summary>
    public bool IsScalar { get; private set; }

    /// <summary>For the sink.</summary>
    public object? State { get; set; }

    internal byte[] Key { get; } = Encoding.UTF8.GetBytes(name);

    /// <summary>Sets what was said first; the class of the values is inferred for the plugins TensorBoard knows.</summary>
    public void SetMetadata(SummaryMetadata metadata)
    {
        if (metadata.DataClass == TfDataClass.Unknown) metadata = metadata with { DataClass = TfPlugins.DataClassOf(metadata.Plugin) };
        (Metadata, Plugin, IsScalar) = (metadata, metadata.Plugin, metadata.DataClass == TfDataClass.Scalar);
    }
}

/// <summary>Names of TensorBoard's plugins, as they stand in the files.</summary>
public static class TfPlugins
{
    public const string Scalars = "scalars";
    public const string Histograms = "histograms";
    public const string Text = "text";
    public const string Images = "images";
    public const string Audio = "audio";
    public const string HParams = "hparams";
    public const string PrCurves = "pr_curves";
    public const string CustomScalars = "custom_scalars";
    public const string Mesh = "mesh";
    public const string Graphs = "graphs";
    public const string TaggedRunMetadata = "graph_tagged_run_metadata";

    internal static TfDataClass DataClassOf(string plugin) => plugin switch
    {
        Scalars => TfDataClass.Scalar,
        Histograms or Text or HParams or PrCurves or CustomScalars or Mesh => TfDataClass.Tensor,
        Images or Audio or "graph_run_metadata" or "graph_run_metadata_graph" or "graph_keras_model" => TfDataClass.BlobSequence,
        _ => TfDataClass.Unknown,
    };
}
