using System.Globalization;
using System.Text;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets;

/// <summary>
/// Gives each row a split by the hash of its key (or of the row) and a seed, so that it keeps its split whatever else is added or removed. Stratified, the shares hold within each
/// stratum, to a row: keys that had a split keep it, new ones go where rows are missing, in the order of their hashes.
/// </summary>
public sealed class RowSplitter
{
    /// <summary>Different keys of a stratified split; they are held in memory.</summary>
    public const int MaxKeys = 5_000_000;

    private readonly (string Name, double Share)[] _shares;
    private readonly string? _key;
    private readonly ulong _seed;
    private readonly RowHasher _hasher = new();
    private readonly Dictionary<ulong, byte>? _assigned;

    private RowSplitter(IReadOnlyDictionary<string, double> shares, string? key, ulong seed, bool stratified)
    {
        _shares = [.. shares.InOrder(s => s.Key).Select(s => (s.Key, s.Value))];
        _key = key;
        _seed = seed;
        if (stratified) _assigned = [];
    }

    /// <param name="stratify">Field whose values keep the shares; null = the hash alone decides.</param>
    /// <param name="previous">The files of the split version before, whose rows keep their splits; only of use when stratified.</param>
    /// <exception cref="ProtocolFormatException">The shares are none, or a row lacks a field.</exception>
    public static RowSplitter Create(IReadOnlyList<DataFile> files, IReadOnlyDictionary<string, double> shares, string? key, string? stratify, ulong seed, IReadOnlyList<DataFile>? previous, CancellationToken ct)
    {
        Check(shares);
        var splitter = new RowSplitter(shares, key, seed, stratify is not null);
        if (stratify is not null) splitter.Deal(files, stratify, previous ?? [], ct);
        return splitter;
    }

    public static void Check(IReadOnlyDictionary<string, double> shares)
    {
        if (shares.Count is 0 or > DataFiles.MaxSplits) throw new ProtocolFormatException($"A split has 1 to {DataFiles.MaxSplits} parts, such as train=0.8,validation=0.1,test=0.1.");
        if (shares.Keys.FirstOrDefault(k => !DataFiles.IsSplitName(k)) is { } bad) throw new ProtocolFormatException($"'{bad}' cannot be the name of a split: use letters, digits and _.");
        if (shares.Any(s => !(s.Value > 0)) || Math.Abs(shares.Values.Sum() - 1) > 1e-6) throw new ProtocolFormatException(string.Create(CultureInfo.InvariantCulture, $"The shares of a split are positive and make 1; these make {shares.Values.Sum()}."));
    }

    public string SplitOf(PlacedRow placed)
    {
        var hash = Hash(placed);
        return _assigned is not null && _assigned.TryGetValue(hash, out var split) ? _shares[split].Name : ByHash(hash);
    }

    private string ByHash(ulong hash)
    {
        var (at, sum) = (hash / (double)ulong.MaxValue, 0.0);
        foreach (var (name, share) in _shares)
            if (at < (sum += share)) return name;
        return _shares[^1].Name;
    }

    /// <summary>A copy (of balance or augment) goes where the row went that it was made from.</summary>
    private ulong Hash(PlacedRow placed)
    {
        var parent = placed.Row.Text(Balancer.ParentField);
        if (_key is null)
        {
            if (parent is not null) throw RowReader.Fault(placed.File.Path, placed.Row.Line, "the row was made from another one, and both belong in one split: name the field that identifies rows (key), such as id.");
            Span<byte> digest = stackalloc byte[16];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt128LittleEndian(digest, _hasher.Row(placed.Row));
            return RowHasher.Uniform(_seed, digest);
        }
        var text = (_key == "id" ? parent : null) ?? placed.Row.Text(_key);
        if (text is not { Length: > 0 }) throw RowReader.Fault(placed.File.Path, placed.Row.Line, $"the row has no '{_key}', which is the key of the split.");
        return RowHasher.Uniform(_seed, Encoding.UTF8.GetBytes(text));
    }

    private sealed class Stratum
    {
        public readonly Dictionary<ulong, int> New = [];
        public readonly long[] Rows = new long[DataFiles.MaxSplits];
    }

    private void Deal(IReadOnlyList<DataFile> files, string stratify, IReadOnlyList<DataFile> previous, CancellationToken ct)
    {
        foreach (var placed in DataFiles.Rows(previous, ct))
        {
            var at = Array.FindIndex(_shares, s => s.Name == placed.File.Split);
            if (at >= 0) Assign(Hash(placed), (byte)at);
        }
        var strata = new SortedDictionary<string, Stratum>(StringComparer.Ordinal);
        var stratumOf = new Dictionary<ulong, Stratum>();
        foreach (var placed in DataFiles.Rows(files, ct))
        {
            if (placed.Row.Text(stratify) is not { } value) throw RowReader.Fault(placed.File.Path, placed.Row.Line, $"the row has no '{stratify}', by which the split is stratified.");
            if (!strata.TryGetValue(value, out var stratum))
            {
                if (strata.Count == MaxStrata) throw new ProtocolFormatException($"'{stratify}' has more than {MaxStrata} different values: it is text, not a label.");
                strata.Add(value, stratum = new Stratum());
            }
            var hash = Hash(placed);
            if (_assigned!.TryGetValue(hash, out var held)) stratum.Rows[held]++;
            else
            {
                // Rows of one key stay together, in the stratum of the first of them.
                if (!stratumOf.TryGetValue(hash, out var first))
                {
                    if (stratumOf.Count == MaxKeys) throw new ProtocolFormatException($"A stratified split holds at most {MaxKeys} keys. Leave out the strata: the hash alone keeps the shares of large data.");
                    stratumOf.Add(hash, first = stratum);
                }
                first.New[hash] = first.New.GetValueOrDefault(hash) + 1;
            }
        }
        foreach (var stratum in strata.Values) Deal(stratum);
    }

    private const int MaxStrata = 10_000;

    private void Deal(Stratum stratum)
    {
        var total = stratum.Rows.Sum();
        foreach (var (hash, rows) in stratum.New.OrderBy(n => n.Key))
        {
            total += rows;
            var most = 0;
            for (var i = 1; i < _shares.Length; i++)
                if (Missing(i) > Missing(most) + 1e-9) most = i;
            stratum.Rows[most] += rows;
            Assign(hash, (byte)most);
        }

        double Missing(int split) => _shares[split].Share * total - stratum.Rows[split];
    }

    private void Assign(ulong hash, byte split)
    {
        if (_assigned!.Count >= MaxKeys) throw new ProtocolFormatException($"A stratified split holds at most {MaxKeys} keys. Leave out the strata: the hash alone keeps the shares of large data.");
        _assigned.TryAdd(hash, split);
    }
}
