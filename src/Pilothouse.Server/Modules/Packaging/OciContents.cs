using System.Formats.Tar;
using System.Security.Cryptography;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Oci;
using Pilothouse.Protocols.Streams;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Releases as OCI sees them: a layout to take away, and the read side of a registry.</summary>
internal sealed class OciContents(ReleaseStore store, IBlobStore blobs)
{
    private const int MaxTags = 1_000;

    /// <summary>Tag of a release: the first 12 digits of its commit.</summary>
    public static string Tag(StoredRelease release) => release.Commit[..Math.Min(12, release.Commit.Length)];

    /// <summary>Streams the release, everything it holds and the evidence about it as a tar of an image layout. <c>index.json</c> comes last: a cut download is no layout.</summary>
    /// <exception cref="IOException">A blob is not what its name says any more.</exception>
    public async Task WriteLayoutAsync(StoredRelease release, Stream target, CancellationToken ct)
    {
        var time = DateTimeOffset.FromUnixTimeMilliseconds(release.CreatedMs);
        var index = await IndexAsync(release, ct);
        await using var tar = new TarWriter(target, TarEntryFormat.Pax, leaveOpen: true);
        await WriteAsync(tar, "oci-layout", new MemoryStream(OciJson.ToBytes(new OciLayout())), time, ct);
        foreach (var digest in await ClosureAsync(index, ct))
        {
            await using var content = new VerifyingStream(await blobs.OpenReadAsync(digest.ToString(), ct), digest);
            await WriteAsync(tar, $"blobs/sha256/{digest.Hex}", content, time, ct);
        }
        await WriteAsync(tar, "index.json", new MemoryStream(OciJson.ToBytes(index)), time, ct);
    }

    /// <summary>Tags of a project's releases, sorted.</summary>
    public async Task<IReadOnlyList<string>> TagsAsync(string project, CancellationToken ct) =>
        [.. (await store.ListAsync(project, MaxTags, ct)).Select(Tag).Distinct().Order(StringComparer.Ordinal)];

    /// <param name="reference">Digest or tag. A tag means the newest release of that commit.</param>
    /// <returns>Null when there is no such manifest.</returns>
    public async Task<byte[]?> FindManifestAsync(string project, string reference, CancellationToken ct)
    {
        var digest = Digest.TryParse(reference, out var parsed)
            ? await store.IsManifestAsync(project, parsed.ToString(), ct) ? parsed.ToString() : null
            : (await store.ListAsync(project, MaxTags, ct)).FirstOrDefault(r => Tag(r) == reference)?.Digest;
        return digest is null ? null : await blobs.ReadAsync(digest, OciJson.MaxBytes, ct);
    }

    /// <summary>Evidence about a manifest; empty for one that nothing refers to.</summary>
    public async Task<OciIndex> ReferrersAsync(Digest subject, string? artifactType, CancellationToken ct) => new()
    {
        Manifests = [.. (await store.EvidenceAsync(subject.ToString(), ct)).Where(e => artifactType is null || e.ArtifactType == artifactType).Select(Describe)],
    };

    private async Task<OciIndex> IndexAsync(StoredRelease release, CancellationToken ct) => new()
    {
        Manifests =
        [
            ReleaseManifest.Subject(release) with { ArtifactType = OciMediaTypes.Release, Annotations = new SortedDictionary<string, string> { [OciAnnotations.RefName] = Tag(release) } },
            .. (await store.EvidenceAsync(release.Digest, ct)).Select(Describe),
        ],
    };

    private static OciDescriptor Describe(StoredEvidence e) => new()
    {
        MediaType = OciMediaTypes.Manifest,
        Digest = Digest.Parse(e.Digest),
        Size = e.Size,
        ArtifactType = e.ArtifactType,
    };

    /// <summary>The manifests and all that they name, each once.</summary>
    private async Task<IReadOnlyList<Digest>> ClosureAsync(OciIndex index, CancellationToken ct)
    {
        var seen = new HashSet<Digest>();
        var ordered = new List<Digest>();
        foreach (var descriptor in index.Manifests)
        {
            var manifest = OciJson.ParseManifest(await blobs.ReadAsync(descriptor.Digest.ToString(), OciJson.MaxBytes, ct));
            foreach (var digest in (Digest[])[descriptor.Digest, manifest.Config.Digest, .. manifest.Layers.Select(l => l.Digest)])
                if (seen.Add(digest)) ordered.Add(digest);
        }
        return ordered;
    }

    private static Task WriteAsync(TarWriter tar, string name, Stream content, DateTimeOffset time, CancellationToken ct) => tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name)
    {
        DataStream = content,
        ModificationTime = time,
        Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
    }, ct);

    /// <summary>Hashes what is read and fails at the end when it is not what its name says: damage on the disk must not travel.</summary>
    private sealed class VerifyingStream(Stream inner, Digest expected) : ReadOnlyStream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private bool _checked;

        public override bool CanSeek => true; // TarWriter asks for the length
        public override long Length => inner.Length;
        public override long Position { get => inner.Position; set => inner.Position = value == inner.Position ? value : throw new NotSupportedException("A blob in an export is read once, from its beginning to its end."); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            return Hashed(buffer.Span, read);
        }

        public override int Read(byte[] buffer, int offset, int count) => Hashed(buffer.AsSpan(offset, count), inner.Read(buffer, offset, count));

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _hash.Dispose();
                inner.Dispose();
            }
            base.Dispose(disposing);
        }

        private int Hashed(ReadOnlySpan<byte> buffer, int read)
        {
            _hash.AppendData(buffer[..read]);
            if (!_checked && inner.Position == inner.Length)
            {
                _checked = true;
                var actual = Digest.FromHash(_hash.GetCurrentHash());
                if (actual != expected) throw new IOException($"The blob {expected} on this server now has the digest {actual}: the disk is damaged, or someone changed it. Nothing more was sent.");
            }
            return read;
        }
    }
}
