namespace Pilothouse.Protocols.V1;

/// <summary>What can be shown of an artifact without downloading it. Exactly the part that fits the kind is there.</summary>
/// <param name="Kind">text, json, markdown, table, image, audio, video, tensors, events or binary.</param>
/// <param name="MediaType">Type its bytes are served with.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Truncated">Only the beginning is shown.</param>
/// <param name="Note">Why there is no more to show, e.g. the fault in a header; null when all is well.</param>
/// <param name="Text">The text of a text, json or markdown file.</param>
/// <param name="Hex">First bytes in lower-case hex, of a file that is nothing else.</param>
public sealed record ArtifactPreview(string RunId, string Path, string Kind, string MediaType, long Size, string Digest, bool Truncated, string? Note = null,
    string? Text = null, TablePreview? Table = null, TensorPreview? Tensors = null, string? Hex = null);

/// <summary>The first rows of a table.</summary>
/// <param name="Format">csv, tsv, jsonl or parquet.</param>
/// <param name="Rows">Rows of the whole file, where the format says it or all of it was read.</param>
/// <param name="Cells">One list a row, as long as there are columns; null where the row has no value.</param>
public sealed record TablePreview(string Format, long? Rows, IReadOnlyList<TableColumn> Columns, IReadOnlyList<IReadOnlyList<string?>> Cells);

/// <param name="Type">As the file says it (parquet), or as the rows shown look: integer, number, boolean, text, json.</param>
public sealed record TableColumn(string Name, string Type);

/// <summary>What the header of a weight file says.</summary>
/// <param name="Format">safetensors, gguf or onnx.</param>
/// <param name="Parameters">Elements of all tensors.</param>
/// <param name="Count">Tensors in the file; <paramref name="Tensors"/> has the first of them.</param>
/// <param name="Metadata">Key and value, the long values cut.</param>
/// <param name="Inputs">Of an ONNX graph, else empty.</param>
/// <param name="Operators">How often an ONNX graph uses each operator, else empty.</param>
public sealed record TensorPreview(string Format, long Parameters, int Count, IReadOnlyList<TensorRow> Tensors, IReadOnlyList<KeyValuePair<string, string>> Metadata,
    IReadOnlyList<TensorRow> Inputs, IReadOnlyList<TensorRow> Outputs, IReadOnlyList<KeyValuePair<string, long>> Operators);

/// <param name="Shape">Lengths of the dimensions, outermost first; a name or <c>?</c> where an ONNX graph leaves it open.</param>
/// <param name="Bytes">Of its data; null where the file does not say.</param>
public sealed record TensorRow(string Name, string Dtype, IReadOnlyList<string> Shape, long? Bytes);

/// <summary>A part of a log, ready to be shown.</summary>
/// <param name="Size">Bytes of the whole log.</param>
/// <param name="From">Byte the part begins at.</param>
/// <param name="Next">Byte to go on from.</param>
/// <param name="Style">Colours that are still on at the end: to be sent with the next request.</param>
/// <param name="Live">The run is under way, and more may come.</param>
public sealed record LogPart(string Path, long Size, long From, long Next, string Style, IReadOnlyList<IReadOnlyList<LogSpan>> Lines, bool Live);

/// <summary>Text of one style.</summary>
/// <param name="Style">Words: bold, dim, italic, underline, f0 to f15 (colour), b0 to b15 (background).</param>
public sealed record LogSpan(string Text, string Style);

/// <summary>Lines of a log with a text in them.</summary>
/// <param name="Complete">False: more lines match, or the log is longer than is searched.</param>
public sealed record LogMatches(string Path, string Query, IReadOnlyList<LogMatch> Lines, bool Complete);

/// <param name="Line">Number, from 1.</param>
/// <param name="Offset">Byte its line begins at.</param>
public sealed record LogMatch(long Line, long Offset, string Text);
