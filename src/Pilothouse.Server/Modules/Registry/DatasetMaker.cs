using System.Globalization;
using Pilothouse.Datasets;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Makes versions from versions: splits and samples, each with how it was made and what from.</summary>
internal sealed class DatasetMaker(DatasetService service, IBlobStore blobs, ServerOptions options, Ids ids)
{
    private const string SplitOperation = "split", SampleOperation = "sample";

    public async Task<DatasetVersion> SplitAsync(DatasetVersion source, SplitRequest request, string actor, CancellationToken ct)
    {
        if (request.Shares is null) throw RegistryRules.Invalid("Name the parts and their shares, such as train=0.8,validation=0.1,test=0.1.");
        RegistryRules.RequireTexts(request.Key, request.Stratify, request.Description);
        var target = request.To ?? source.Name;
        RegistryRules.RequireName(target, "data set");
        var derivation = new DatasetDerivation(SplitOperation, request.Seed, request.Shares, request.Key, request.Stratify);
        var files = await DatasetFiles.OpenAsync(source.Files, blobs, ct);
        var previous = await PreviousAsync(target, derivation, ct);
        return await MakeAsync(source, target, derivation, request.Description ?? $"{source.Reference} in {string.Join(", ", request.Shares.InOrder(s => s.Key).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key} {s.Value:P0}")))}", (writers, _) =>
        {
            var splitter = RowSplitter.Create(files, request.Shares, request.Key, request.Stratify, request.Seed, previous, ct);
            foreach (var placed in DataFiles.Rows(files, ct)) writers.Write(splitter.SplitOf(placed), placed.Row);
        }, actor, ct);
    }

    public async Task<DatasetVersion> SampleAsync(DatasetVersion source, SampleRequest request, string actor, CancellationToken ct)
    {
        RegistryRules.RequireTexts(request.Stratify, request.Description);
        DatasetReader.RequireSplit(source, request.Split);
        var target = request.To ?? source.Name;
        RegistryRules.RequireName(target, "data set");
        var files = await DatasetFiles.OpenAsync(source.Files.Where(f => request.Split is null || DataFiles.SplitOf(f.Path) == request.Split), blobs, ct);
        var derivation = new DatasetDerivation(SampleOperation, request.Seed, null, null, request.Stratify, request.Rows, request.Split);
        return await MakeAsync(source, target, derivation, request.Description ?? $"{request.Rows} rows of {source.Reference}", (writers, _) =>
        {
            var places = RowSampler.Draw(files, request.Rows, request.Stratify, request.Seed, ct);
            var next = 0;
            foreach (var (row, file, ordinal) in DataFiles.Rows(files, ct))
            {
                if (next == places.Length) break;
                if (places[next] != ordinal) continue;
                writers.Write(file.Split ?? "data", row);
                next++;
            }
        }, actor, ct);
    }

    /// <summary>The newest split of the same kind: its rows keep their places.</summary>
    private async Task<IReadOnlyList<DataFile>?> PreviousAsync(string name, DatasetDerivation derivation, CancellationToken ct)
    {
        if (derivation.Stratify is null) return null; // the hash alone decides
        var previous = (await service.ListAsync(ct)).FirstOrDefault(v => v.Name == name && v.Derivation is { Operation: SplitOperation } d && d.Key == derivation.Key && d.Stratify == derivation.Stratify
            && d.Seed == derivation.Seed && d.Shares is { } shares && shares.Count == derivation.Shares!.Count && shares.All(s => derivation.Shares.TryGetValue(s.Key, out var share) && share == s.Value));
        return previous is null ? null : await DatasetFiles.OpenAsync(previous.Files, blobs, ct);
    }

    private async Task<DatasetVersion> MakeAsync(DatasetVersion source, string target, DatasetDerivation derivation, string description, Action<Writers, CancellationToken> write, string actor, CancellationToken ct)
    {
        var directory = Directory.CreateDirectory(Path.Combine(options.TemporaryPath, ids.New()));
        try
        {
            var columns = source.Format == RowReader.NameOf(RowFormat.Csv) ? source.Columns : null;
            var paths = await Task.Run(() =>
            {
                using var writers = new Writers(directory.FullName, columns);
                write(writers, ct);
                return writers.Paths;
            }, ct);
            var files = new List<ArtifactFile>(source.Files.Where(f => !RowReader.IsDataFile(f.Path))); // the card and the licence stay with the rows
            foreach (var path in paths)
            {
                await using var content = File.OpenRead(path);
                var blob = await blobs.PutAsync(content, null, ct);
                files.Add(new ArtifactFile(Path.GetFileName(path), blob.Digest, blob.Size));
            }
            return await service.RegisterAsync(target, new NewDatasetVersion(Description: description, Project: source.Project, Parents: [source.Reference]) { Files = files, Derivation = derivation }, actor, ct);
        }
        catch (ProtocolFormatException e)
        {
            throw RegistryRules.Invalid(e.Message + " Nothing was registered.");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>One file for each split, JSONL or, from CSV, CSV.</summary>
    private sealed class Writers(string directory, IReadOnlyList<string>? columns) : IDisposable
    {
        private readonly Dictionary<string, (RowFileWriter Writer, FileStream File)> _open = new(StringComparer.Ordinal);

        public List<string> Paths => [.. _open.Values.Select(o => o.File.Name)];

        public void Write(string split, DataRow row)
        {
            if (!_open.TryGetValue(split, out var open))
            {
                var file = new FileStream(Path.Combine(directory, $"{split}.{(columns is null ? "jsonl" : "csv")}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 17);
                _open.Add(split, open = (new RowFileWriter(file, columns), file));
            }
            open.Writer.Write(row);
        }

        public void Dispose()
        {
            foreach (var (writer, file) in _open.Values)
            {
                writer.Dispose();
                file.Dispose();
            }
        }
    }
}
