using System.Buffers;
using System.Security.Cryptography;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Blobs.Tensors;

/// <summary>Digests of all tensors and all parts of a weight file in one pass over it.</summary>
internal static class WeightHasher
{
    private const int BufferSize = 1024 * 1024;

    /// <param name="file">Seekable.</param>
    public static async Task<(BlobTensors Tensors, IReadOnlyList<(FilePart Part, Digest Digest)> Parts)> RunAsync(Stream file, WeightLayout layout, CancellationToken ct)
    {
        using var run = new Run(layout);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            file.Position = 0;
            for (int read; (read = await file.ReadAsync(buffer.AsMemory(0, BufferSize), ct)) > 0;) run.Append(buffer.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return (new BlobTensors(layout.Format, run.Tensors), run.Parts);
    }

    private sealed class Run(WeightLayout layout) : IDisposable
    {
        private readonly IncrementalHash _part = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly IncrementalHash _tensor = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _position;

        public List<TensorDigest> Tensors { get; } = [];

        public List<(FilePart Part, Digest Digest)> Parts { get; } = [];

        public void Append(ReadOnlySpan<byte> content)
        {
            while (content.Length > 0 && Parts.Count < layout.Parts.Count)
            {
                SkipEmpty();
                var part = layout.Parts[Parts.Count];
                var tensor = Tensors.Count < layout.Tensors.Count ? layout.Tensors[Tensors.Count] : null;
                var inside = tensor is not null && _position >= tensor.Offset;
                // To the end of the part, of the tensor, or to where the tensor begins, whatever comes first.
                var end = Math.Min(part.Offset + part.Length, _position + content.Length);
                if (tensor is not null) end = Math.Min(end, inside ? tensor.Offset + tensor.Length : tensor.Offset);
                var stretch = content[..(int)(end - _position)];
                // A tensor that is a part by itself is hashed once.
                var isPart = inside && tensor!.Offset == part.Offset && tensor.Length == part.Length;
                _part.AppendData(stretch);
                if (inside && !isPart) _tensor.AppendData(stretch);
                _position = end;
                content = content[stretch.Length..];
                if (end == part.Offset + part.Length) Parts.Add((part, Digest.FromHash(_part.GetHashAndReset())));
                if (inside && end == tensor!.Offset + tensor.Length) Add(tensor, isPart ? Parts[^1].Digest : Digest.FromHash(_tensor.GetHashAndReset()));
            }
            SkipEmpty();
        }

        public void Dispose()
        {
            _part.Dispose();
            _tensor.Dispose();
        }

        private void SkipEmpty()
        {
            while (Tensors.Count < layout.Tensors.Count && layout.Tensors[Tensors.Count] is { Length: 0 } empty) Add(empty, Digest.Of([]));
        }

        private void Add(TensorInfo t, Digest digest) => Tensors.Add(new TensorDigest(t.Name, t.Dtype, t.Shape, t.Offset, t.Length, digest.ToString()));
    }
}
