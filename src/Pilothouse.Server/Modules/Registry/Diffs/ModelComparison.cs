using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Diffs;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Registry.Diffs;

/// <summary>Compares two versions: configuration, tokenizer, tensor by tensor. Memory is bounded by headers and two megabytes of content, whatever the size of the files.</summary>
internal sealed class ModelComparison(IBlobStore blobs)
{
    private const int MaxChanges = 10_000;
    private const int MaxConfigBytes = 4 * 1024 * 1024;
    private const int MaxKeyChanges = 2_000;
    private const int MaxSamples = 40;

    public async Task<ModelDiff> CompareAsync(ModelVersion from, ModelVersion to, bool content, CancellationToken ct)
    {
        var (a, b) = (await WeightFiles.ReadAsync(from, blobs, ct), await WeightFiles.ReadAsync(to, blobs, ct));
        var notes = new List<string>([.. a.Notes, .. b.Notes]);
        var (counts, changes) = await TensorsAsync(a, b, content, notes, ct);
        var config = await ConfigAsync(from, to, a, b, notes, ct);
        var tokenizer = await TokenizerAsync(from, to, a, b, notes, ct);
        var files = Files(from, to);
        var summary = Summary(counts, changes, a, b, tokenizer, config, files, to.Digest == from.Digest);
        return new ModelDiff(from.Reference, to.Reference, summary, config, tokenizer, counts, changes.Count > MaxChanges ? changes[..MaxChanges] : changes, files, content, notes);
    }

    private async Task<(TensorCounts Counts, List<TensorChange> Changes)> TensorsAsync(WeightFiles a, WeightFiles b, bool content, List<string> notes, CancellationToken ct)
    {
        var changes = new List<TensorChange>();
        var (same, unknown) = (0, 0);
        // In the order of their bytes, so that each file is read through once.
        var common = a.Tensors.Keys.Where(b.Tensors.ContainsKey).OrderBy(n => a.Tensors[n].File.Path, StringComparer.Ordinal).ThenBy(n => a.Tensors[n].Info.Offset).ToList();
        await using var open = new OpenFiles(blobs);
        foreach (var name in common)
        {
            var (x, y) = (a.Tensors[name], b.Tensors[name]);
            if (x.Info.Dtype != y.Info.Dtype || !x.Info.Shape.SequenceEqual(y.Info.Shape)) changes.Add(Change(name, "reshaped", x.Info, y.Info));
            else if (x.File.Digest == y.File.Digest && x.Info.Offset == y.Info.Offset) same++;
            else if (content && x.Info.IsEncoded && y.Info.IsEncoded && x.Info.Length != y.Info.Length) changes.Add(Change(name, "changed", x.Info, y.Info));
            else if (!content || x.Info.Offset < 0 || y.Info.Offset < 0 || x.Info.Length < 0 || y.Info.Length != x.Info.Length)
            {
                unknown++;
                changes.Add(Change(name, "unknown", x.Info, y.Info));
            }
            else
            {
                var delta = await TensorDelta.ReadAsync(await open.LeftAsync(x.File.Digest, ct), x.Info, await open.RightAsync(y.File.Digest, ct), y.Info, ct);
                if (delta.IsSame) same++;
                else changes.Add(Change(name, "changed", x.Info, y.Info) with { L2 = delta.L2, RelativeL2 = delta.RelativeL2, MaxAbs = delta.MaxAbs, NotFinite = delta.NotFinite });
            }
        }
        changes.AddRange(a.Tensors.Where(t => !b.Tensors.ContainsKey(t.Key)).Select(t => Change(t.Key, "removed", t.Value.Info, null)));
        changes.AddRange(b.Tensors.Where(t => !a.Tensors.ContainsKey(t.Key)).Select(t => Change(t.Key, "added", null, t.Value.Info)));
        changes.Sort((p, q) => string.CompareOrdinal(p.Name, q.Name));
        if (content && unknown > 0) notes.Add($"{unknown} tensors have an element type or place that is not known here; they are compared by the digest of their file only.");
        int Count(string change) => changes.Count(c => c.Change == change);
        return (new TensorCounts(a.Tensors.Count, b.Tensors.Count, same, Count("changed"), Count("added"), Count("removed"), Count("reshaped"), unknown), changes);
    }

    private static TensorChange Change(string name, string change, TensorInfo? a, TensorInfo? b) => new(name, change, a?.Dtype, a?.Shape, b?.Dtype, b?.Shape);

    private async Task<List<KeyChange>> ConfigAsync(ModelVersion from, ModelVersion to, WeightFiles a, WeightFiles b, List<string> notes, CancellationToken ct)
    {
        var changes = new List<KeyChange>();
        var (left, right) = (from.Files.ToDictionary(f => f.Path), to.Files.ToDictionary(f => f.Path));
        foreach (var path in left.Keys.Union(right.Keys).Where(IsConfig).Order(StringComparer.Ordinal))
        {
            if (left.GetValueOrDefault(path)?.Digest == right.GetValueOrDefault(path)?.Digest) continue;
            var (x, y) = (await KeysAsync(from, left.GetValueOrDefault(path), notes, ct), await KeysAsync(to, right.GetValueOrDefault(path), notes, ct));
            if (x is not null && y is not null) changes.AddRange(JsonKeys.Compare(x, y).Select(c => new KeyChange(path, c.Key, c.From, c.To)));
        }
        var none = new Dictionary<string, string>();
        foreach (var path in a.Metadata.Keys.Union(b.Metadata.Keys).Order(StringComparer.Ordinal))
            changes.AddRange(JsonKeys.Compare(a.Metadata.GetValueOrDefault(path, none), b.Metadata.GetValueOrDefault(path, none)).Select(c => new KeyChange(path, c.Key, c.From, c.To)));
        if (changes.Count <= MaxKeyChanges) return changes;
        notes.Add($"{changes.Count} keys of the configuration changed; the first {MaxKeyChanges} are listed.");
        return changes[..MaxKeyChanges];
    }

    /// <summary>JSON beside the weights, but for vocabularies and lists of shards.</summary>
    private static bool IsConfig(string path) => path.EndsWith(".json", StringComparison.Ordinal) && Path.GetFileName(path) is not ("tokenizer.json" or "vocab.json") && !path.EndsWith(".index.json", StringComparison.Ordinal);

    private async Task<IReadOnlyDictionary<string, string>?> KeysAsync(ModelVersion version, ArtifactFile? file, List<string> notes, CancellationToken ct)
    {
        if (file is null) return new Dictionary<string, string>();
        if (file.Size > MaxConfigBytes)
        {
            notes.Add($"{version.Reference}: {file.Path} has {file.Size} bytes; more than {MaxConfigBytes} are compared by digest only.");
            return null;
        }
        try
        {
            return JsonKeys.Of(await blobs.ReadAsync(file.Digest, MaxConfigBytes, ct));
        }
        catch (ProtocolFormatException e)
        {
            notes.Add($"{version.Reference}: {file.Path}: {e.Message}");
            return null;
        }
    }

    private async Task<TokenizerDiff?> TokenizerAsync(ModelVersion from, ModelVersion to, WeightFiles a, WeightFiles b, List<string> notes, CancellationToken ct)
    {
        var (x, y) = (from.Files.FirstOrDefault(f => f.Path == "tokenizer.json"), to.Files.FirstOrDefault(f => f.Path == "tokenizer.json"));
        var left = x is null ? a.Vocabulary : await VocabularyAsync(from, x, notes, ct);
        if (x is not null && x.Digest == y?.Digest) return left is null ? null : new TokenizerDiff(left.Tokens.Count, left.Tokens.Count, 0, 0, 0, false, []);
        var right = y is null ? b.Vocabulary : await VocabularyAsync(to, y, notes, ct);
        if (left is null || right is null) return null;
        var samples = new List<string>();
        var (added, removed, moved) = (0, 0, 0);
        foreach (var (token, id) in right.Tokens.OrderBy(t => t.Value))
        {
            if (!left.Tokens.TryGetValue(token, out var old)) Note(ref added, $"+ {Quote(token)} ({id})");
            else if (old != id) Note(ref moved, $"~ {Quote(token)} {old} -> {id}");
        }
        foreach (var (token, id) in left.Tokens.OrderBy(t => t.Value))
            if (!right.Tokens.ContainsKey(token)) Note(ref removed, $"- {Quote(token)} ({id})");
        return new TokenizerDiff(left.Tokens.Count, right.Tokens.Count, added, removed, moved, (left.Merges, left.MergesHash) != (right.Merges, right.MergesHash), samples);

        void Note(ref int count, string sample)
        {
            if (count++ < MaxSamples / 2 && samples.Count < MaxSamples) samples.Add(sample);
        }
    }

    private static string Quote(string token) => JsonSerializer.Serialize(token.Length > 60 ? token[..60] + "..." : token, Readable);

    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private async Task<Vocabulary?> VocabularyAsync(ModelVersion version, ArtifactFile file, List<string> notes, CancellationToken ct)
    {
        try
        {
            if (file.Size > Vocabulary.MaxBytes) throw new ProtocolFormatException($"The tokenizer has {file.Size} bytes; up to {Vocabulary.MaxBytes} are compared token by token.");
            return Vocabulary.OfTokenizerJson(await blobs.ReadAsync(file.Digest, Vocabulary.MaxBytes, ct));
        }
        catch (ProtocolFormatException e)
        {
            notes.Add($"{version.Reference}: {file.Path}: {e.Message}");
            return null;
        }
    }

    private static List<FileChange> Files(ModelVersion from, ModelVersion to)
    {
        var (left, right) = (from.Files.ToDictionary(f => f.Path), to.Files.ToDictionary(f => f.Path));
        return [.. left.Keys.Union(right.Keys).Order(StringComparer.Ordinal).Select(path => (path, a: left.GetValueOrDefault(path), b: right.GetValueOrDefault(path))).Where(f => f.a?.Digest != f.b?.Digest)
            .Select(f => new FileChange(f.path, f.a is null ? "added" : f.b is null ? "removed" : "changed", f.a?.Size, f.b?.Size))];
    }

    private static string Summary(TensorCounts counts, List<TensorChange> changes, WeightFiles a, WeightFiles b, TokenizerDiff? tokenizer, List<KeyChange> config, List<FileChange> files, bool identical)
    {
        if (identical) return "The same content.";
        var parts = new List<string>();
        if (counts.From + counts.To > 0)
        {
            var names = a.Tensors.Keys.Union(b.Tensors.Keys);
            var changed = changes.Where(c => c.Change is "changed" or "reshaped").Select(c => c.Name).ToList();
            if (changed.Count > 0) parts.Add($"{changed.Count} of {counts.To} tensors changed, {LayerSpan.Describe(changed, names)}{(counts.Reshaped > 0 ? $" ({counts.Reshaped} with another shape or type)" : "")}");
            else if (counts.Unknown == 0 && counts.Added + counts.Removed == 0) parts.Add($"no tensor of {counts.To} changed");
            if (counts.Unknown > 0) parts.Add($"{counts.Unknown} of {counts.To} tensors were not compared");
            if (counts.Added > 0) parts.Add($"{counts.Added} tensors added, {LayerSpan.Describe([.. changes.Where(c => c.Change == "added").Select(c => c.Name)], b.Tensors.Keys)}");
            if (counts.Removed > 0) parts.Add($"{counts.Removed} tensors removed, {LayerSpan.Describe([.. changes.Where(c => c.Change == "removed").Select(c => c.Name)], a.Tensors.Keys)}");
        }
        else if (files.Count > 0) parts.Add($"{files.Count} files differ");
        if (tokenizer is not null)
            parts.Add(tokenizer.IsSame ? "tokenizer same" : $"tokenizer: {tokenizer.Added} added, {tokenizer.Removed} removed, {tokenizer.Moved} moved{(tokenizer.MergesChanged ? ", merges changed" : "")}");
        parts.Add(config.Count == 0 ? "configuration same" : $"configuration: {config.Count} {(config.Count == 1 ? "key" : "keys")} changed ({string.Join(", ", config.Take(3).Select(c => c.Key))}{(config.Count > 3 ? ", ..." : "")})");
        return string.Join("; ", parts);
    }

    /// <summary>One open file a side: tensors come file by file.</summary>
    private sealed class OpenFiles(IBlobStore blobs) : IAsyncDisposable
    {
        private (string Digest, Stream Stream)? _left;
        private (string Digest, Stream Stream)? _right;

        public async Task<Stream> LeftAsync(string digest, CancellationToken ct) => (_left = await SwitchAsync(_left, digest, ct)).Value.Stream;

        public async Task<Stream> RightAsync(string digest, CancellationToken ct) => (_right = await SwitchAsync(_right, digest, ct)).Value.Stream;

        public async ValueTask DisposeAsync()
        {
            if (_left is { } left) await left.Stream.DisposeAsync();
            if (_right is { } right) await right.Stream.DisposeAsync();
        }

        private async Task<(string, Stream)> SwitchAsync((string Digest, Stream Stream)? open, string digest, CancellationToken ct)
        {
            if (open is { } held)
            {
                if (held.Digest == digest) return held;
                await held.Stream.DisposeAsync();
            }
            return (digest, await blobs.OpenReadAsync(digest, ct));
        }
    }
}
