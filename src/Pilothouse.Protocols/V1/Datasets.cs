using System.Text.Json;

namespace Pilothouse.Protocols.V1;

/// <summary>What a new data set version is made of: one file by <see cref="Digest"/>, or <see cref="Files"/>. All blobs are stored already.</summary>
/// <param name="Digest">Blob with the rows, when it is one file.</param>
/// <param name="Format"><c>jsonl</c>, <c>csv</c> or <c>parquet</c>; of <see cref="Files"/> each name says its own.</param>
/// <param name="Parents">Versions it was made from, <c>datasets:/NAME/VERSION</c>.</param>
public sealed record NewDatasetVersion(string? Digest = null, string? Format = null, string? Description = null, string? Project = null, string? Source = null, IReadOnlyList<string>? Parents = null)
{
    /// <summary>
    /// Shards and splits by their paths: <c>train-00000-of-00002.parquet</c>, <c>test/part-1.jsonl</c>. A file whose name is none of rows' (README.md) is kept beside them.
    /// </summary>
    public IReadOnlyList<ArtifactFile>? Files { get; init; }

    /// <summary>How it was made from its first parent.</summary>
    public DatasetDerivation? Derivation { get; init; }
}

/// <summary>A registered data set version; nothing of it ever changes.</summary>
/// <param name="Digest">Of the file when it is one, else the content digest of all files (a blob of that digest lists them).</param>
/// <param name="Format"><c>jsonl</c>, <c>csv</c>, <c>parquet</c>, or <c>mixed</c>.</param>
public sealed record DatasetVersion(string Name, int Version, string Digest, string Format, long Size, long Rows, IReadOnlyList<string> Columns, string? Description, string? Project,
    string? Source, IReadOnlyList<string> Parents, string CreatedBy, long CreatedMs)
{
    public string Reference => $"datasets:/{Name}/{Version}";

    public IReadOnlyList<ArtifactFile> Files { get; init; } = [];

    /// <summary>In the order train, validation, test, others; empty when the files name no split.</summary>
    public IReadOnlyList<DatasetSplit> Splits { get; init; } = [];

    public DatasetDerivation? Derivation { get; init; }
}

/// <param name="Name"><c>train</c>, <c>validation</c>, <c>test</c>, or as the files say.</param>
public sealed record DatasetSplit(string Name, long Rows, long Size, int Files);

/// <summary>How a version was made from its parent: what makes it again.</summary>
/// <param name="Operation"><c>split</c> or <c>sample</c>.</param>
/// <param name="Shares">Of a split: share of each part.</param>
/// <param name="Key">Field whose value decides; null = the row.</param>
/// <param name="Stratify">Field whose values keep their shares.</param>
/// <param name="Rows">Of a sample: rows drawn.</param>
/// <param name="Split">Of a sample: the split drawn from.</param>
public sealed record DatasetDerivation(string Operation, ulong Seed, IReadOnlyDictionary<string, double>? Shares = null, string? Key = null, string? Stratify = null, long? Rows = null, string? Split = null);

/// <summary>What is in a version, found in one pass when it was registered.</summary>
/// <param name="Duplicates">Rows that repeat an earlier row, exactly.</param>
/// <param name="Leaks">Rows that stand in two splits.</param>
public sealed record DatasetProfile(long Rows, IReadOnlyList<DatasetColumn> Columns, long Duplicates, IReadOnlyList<SplitLeak> Leaks);

/// <param name="Type">JSON type, or the types that occur (<c>integer|string</c>); of nested values their shape: <c>[{role: string, content: string}]</c>. Of CSV, what all texts look like.</param>
/// <param name="Count">Rows with a value.</param>
/// <param name="Nulls">Rows without one: null, absent, or an empty text of CSV.</param>
/// <param name="Distinct">Different values.</param>
/// <param name="DistinctIsEstimate">Estimated (within 2 %), as there are many.</param>
public sealed record DatasetColumn(string Name, string Type, long Count, long Nulls, long Distinct, bool DistinctIsEstimate)
{
    public bool Nullable => Nulls > 0;

    /// <summary>Of the numbers in it.</summary>
    public NumberSummary? Numbers { get; init; }

    /// <summary>Characters of its texts, entries of its lists.</summary>
    public NumberSummary? Lengths { get; init; }

    /// <summary>Most frequent values that occur more than once.</summary>
    public IReadOnlyList<TopValue> Top { get; init; } = [];

    /// <summary>There were too many different values to count them all: the counts are lower bounds.</summary>
    public bool TopIsEstimate { get; init; }
}

/// <summary>Quantiles are within 1 % of the value.</summary>
/// <param name="Histogram">Values by 20 intervals of equal width from <paramref name="Min"/> to <paramref name="Max"/>.</param>
public sealed record NumberSummary(long Count, double Min, double Max, double Mean, double Deviation, double P5, double P25, double P50, double P75, double P95, IReadOnlyList<long> Histogram);

/// <param name="Value">Cut to 200 characters.</param>
public sealed record TopValue(string Value, long Count);

/// <summary>Rows that are equal in two splits.</summary>
/// <param name="Rows">Different rows that both have.</param>
public sealed record SplitLeak(string First, string Second, long Rows);

/// <summary>A page of rows.</summary>
/// <param name="Offset">Of the first row, from 0, within the split when one is named.</param>
public sealed record DatasetRows(long Offset, IReadOnlyList<string> Columns, IReadOnlyList<DatasetRow> Rows, bool More);

/// <param name="Line">Line of its file; of Parquet the row.</param>
/// <param name="Fields">The row, as JSON.</param>
public sealed record DatasetRow(string File, string? Split, long Line, JsonElement Fields);

/// <summary>Makes splits of a version by a hash: a row never changes its split when the data grow.</summary>
/// <param name="Shares">Such as train 0.8, validation 0.1, test 0.1; their sum is 1.</param>
public sealed record SplitRequest(IReadOnlyDictionary<string, double> Shares, string? Key = null, string? Stratify = null, ulong Seed = 1, string? To = null, string? Description = null);

/// <summary>Draws rows without replacement.</summary>
public sealed record SampleRequest(long Rows, string? Stratify = null, ulong Seed = 1, string? Split = null, string? To = null, string? Description = null);

/// <summary>What differs between two versions, row by row.</summary>
/// <param name="Key">Field that names a row in both; null = rows are equal or not.</param>
/// <param name="Moved">Rows that are equal but stand in another split.</param>
/// <param name="Kept">Rows of each kind that can be looked at; the counts are of all.</param>
public sealed record DatasetDiff(string From, string To, string? Key, long Added, long Removed, long Changed, long Unchanged, long Moved, long DuplicateKeys, long WithoutKey, int Kept)
{
    /// <summary>Changed rows by field, most first.</summary>
    public IReadOnlyList<TopValue> ChangedFields { get; init; } = [];

    public IReadOnlyList<ColumnChange> Columns { get; init; } = [];
}

/// <param name="Change"><c>added</c>, <c>removed</c>, <c>type</c>, <c>nullable</c> or <c>profile</c>.</param>
public sealed record ColumnChange(string Name, string Change, string? From, string? To);

/// <summary>A page of the rows that differ.</summary>
public sealed record DatasetDiffPage(DatasetDiff Diff, string Kind, long Offset, long Total, IReadOnlyList<DatasetDiffRow> Rows, bool More);

/// <param name="Fields">Fields that differ, of a changed row.</param>
public sealed record DatasetDiffRow(DatasetRow? From, DatasetRow? To, IReadOnlyList<string> Fields);

/// <summary>Rows that stand in more than one split, whole or in some fields.</summary>
/// <param name="Fields">Compared fields; empty = all.</param>
public sealed record DatasetLeaks(string Reference, IReadOnlyList<string> Fields, IReadOnlyList<SplitLeak> Leaks, IReadOnlyList<LeakExample> Examples);

public sealed record LeakExample(DatasetRow First, DatasetRow Second);
