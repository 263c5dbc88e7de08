using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

public sealed class UploadServiceTests
{
    /// <summary>Three parts, the last one short.</summary>
    private static readonly byte[] Content = BlobHarness.Content(34 * 1024 * 1024 + 5);
    private static readonly string Digest = BlobHarness.DigestOf(Content);
    private static readonly NewUpload New = new(Content.Length, Digest);

    [Theory, DatabaseData]
    public async Task Parts_in_any_order_over_restarts_become_the_blob(string kind)
    {
        await using var h = await BlobHarness.CreateAsync(kind);
        var upload = await h.Uploads.CreateAsync(New, "ann", default);
        Assert.Equal((3, 0L), (upload.Parts, upload.Offset));

        await h.Uploads.PutPartAsync(upload.Id, 3, BlobHarness.PartOf(Content, upload, 3), null, default);
        h.Restart();
        await h.Uploads.PutPartAsync(upload.Id, 1, BlobHarness.PartOf(Content, upload, 1), null, default);
        h.Restart();
        var found = await h.Uploads.CreateAsync(New, "ann", default);
        Assert.Equal((upload.Id, upload.PartSize), (found.Id, found.Offset));
        Assert.Equal([1, 3], found.Received);

        await h.Uploads.PutPartAsync(upload.Id, 2, BlobHarness.PartOf(Content, upload, 2), null, default);
        var blob = await h.Uploads.CompleteAsync(upload.Id, null, default);
        Assert.Equal((Digest, (long)Content.Length), (blob.Digest, blob.Size));
        Assert.Equal(Content, await h.ReadAsync(Digest));
        Assert.Equal(blob, await h.Uploads.CompleteAsync(upload.Id, null, default));
        Assert.Empty(Directory.EnumerateFiles(h.SpoolPath));
        Assert.True((await h.Uploads.CreateAsync(New, "bob", default)).Held);
    }

    [Fact]
    public async Task What_is_appended_goes_on_where_it_was_cut()
    {
        await using var h = await BlobHarness.CreateAsync();
        var upload = await h.Uploads.CreateAsync(New, "ann", default);

        await Assert.ThrowsAsync<IOException>(() => h.Uploads.AppendAsync(upload.Id, 0, new CutStream(Content, 20_000_000), default));
        h.Restart();
        var state = await h.Uploads.GetAsync(upload.Id, default);
        Assert.Equal(20_000_000, state.Offset);
        await RefusedAsync(ErrorCode.FailedPrecondition, () => h.Uploads.AppendAsync(upload.Id, 0, new MemoryStream(Content), default));
        await RefusedAsync(ErrorCode.FailedPrecondition, () => h.Uploads.PutPartAsync(upload.Id, 1, BlobHarness.PartOf(Content, upload, 1), null, default));
        await RefusedAsync(ErrorCode.FailedPrecondition, () => h.Uploads.CompleteAsync(upload.Id, null, default));
        await RefusedAsync(ErrorCode.TooLarge, () => h.Uploads.AppendAsync(upload.Id, state.Offset, new MemoryStream(Content), default));
        Assert.Equal(20_000_000, (await h.Uploads.GetAsync(upload.Id, default)).Offset);
        state = await h.Uploads.AppendAsync(upload.Id, state.Offset, new MemoryStream(Content, 20_000_000, Content.Length - 20_000_000), default);
        Assert.Equal(Content.Length, state.Offset);
        Assert.Equal(Digest, (await h.Uploads.CompleteAsync(upload.Id, null, default)).Digest);
        Assert.Equal(Content, await h.ReadAsync(Digest));
    }

    [Fact]
    public async Task A_part_that_is_no_part_of_the_upload_is_refused_with_the_reason()
    {
        await using var h = await BlobHarness.CreateAsync();
        var upload = await h.Uploads.CreateAsync(New, "ann", default);
        Task Put(int number, Stream content, string? checksum = null) => h.Uploads.PutPartAsync(upload.Id, number, content, checksum, default);

        await RefusedAsync(ErrorCode.InvalidArgument, () => Put(0, BlobHarness.PartOf(Content, upload, 1)));
        await RefusedAsync(ErrorCode.InvalidArgument, () => Put(4, BlobHarness.PartOf(Content, upload, 1)));
        await RefusedAsync(ErrorCode.InvalidArgument, () => Put(1, new MemoryStream(Content, 0, 1000)));
        await RefusedAsync(ErrorCode.TooLarge, () => Put(1, new MemoryStream(Content)));
        await RefusedAsync(ErrorCode.DigestMismatch, () => Put(1, BlobHarness.PartOf(Content, upload, 1), "crc32c=:AAAAAA==:"));
        await RefusedAsync(ErrorCode.InvalidArgument, () => Put(1, BlobHarness.PartOf(Content, upload, 1), "crc32c=AAAA"));
        await RefusedAsync(ErrorCode.NotFound, () => h.Uploads.PutPartAsync("../../x", 1, new MemoryStream(), null, default));
        Assert.Empty((await h.Uploads.GetAsync(upload.Id, default)).Received);

        await Put(1, BlobHarness.PartOf(Content, upload, 1));
        await Put(1, BlobHarness.PartOf(Content, upload, 1));
        await RefusedAsync(ErrorCode.FailedPrecondition, () => Put(1, BlobHarness.PartOf(Content, upload, 2)));
        await RefusedAsync(ErrorCode.FailedPrecondition, () => h.Uploads.CompleteAsync(upload.Id, null, default));
        Assert.Equal([1], (await h.Uploads.GetAsync(upload.Id, default)).Received);
    }

    [Fact]
    public async Task Another_whole_than_was_promised_is_dropped()
    {
        await using var h = await BlobHarness.CreateAsync();
        var upload = await h.Uploads.CreateAsync(new NewUpload(1000, Digest), "ann", default);
        await h.Uploads.PutPartAsync(upload.Id, 1, new MemoryStream(Content, 0, 1000), null, default);

        await RefusedAsync(ErrorCode.DigestMismatch, () => h.Uploads.CompleteAsync(upload.Id, null, default));
        await RefusedAsync(ErrorCode.NotFound, () => h.Uploads.GetAsync(upload.Id, default));
        Assert.Equal(0, h.BlobCount);
        Assert.Empty(Directory.EnumerateFiles(h.SpoolPath));
    }

    [Fact]
    public async Task Two_senders_of_one_blob_do_each_other_no_harm()
    {
        await using var h = await BlobHarness.CreateAsync();
        var uploads = new[] { await h.Uploads.CreateAsync(New, "ann", default), await h.Uploads.CreateAsync(New, "bob", default) };
        Assert.NotEqual(uploads[0].Id, uploads[1].Id);

        var blobs = await Task.WhenAll(uploads.Select(async upload =>
        {
            await Task.WhenAll(Enumerable.Range(1, 3).Select(n => h.Uploads.PutPartAsync(upload.Id, n, BlobHarness.PartOf(Content, upload, n), null, default)));
            return await h.Uploads.CompleteAsync(upload.Id, null, default);
        }));
        Assert.All(blobs, b => Assert.Equal(Digest, b.Digest));
        Assert.Equal(1, h.BlobCount);
        Assert.Equal(Content, await h.ReadAsync(Digest));
    }

    [Fact]
    public async Task A_digest_may_be_said_at_the_end_and_the_upload_found_by_its_key()
    {
        await using var h = await BlobHarness.CreateAsync();
        var upload = await h.Uploads.CreateAsync(new NewUpload(1000, null, "file-7"), "ann", default);
        Assert.Equal(upload.Id, (await h.Uploads.CreateAsync(new NewUpload(1000, null, "file-7"), "ann", default)).Id);
        Assert.NotEqual(upload.Id, (await h.Uploads.CreateAsync(new NewUpload(1000, null, "file-7"), "bob", default)).Id);
        Assert.NotEqual(upload.Id, (await h.Uploads.CreateAsync(new NewUpload(1001, null, "file-7"), "ann", default)).Id);

        await h.Uploads.PutPartAsync(upload.Id, 1, new MemoryStream(Content, 0, 1000), null, default);
        await RefusedAsync(ErrorCode.InvalidArgument, () => h.Uploads.CompleteAsync(upload.Id, null, default));
        Assert.Equal(1000, (await h.Uploads.CompleteAsync(upload.Id, BlobHarness.DigestOf(Content[..1000]), default)).Size);
    }

    [Fact]
    public async Task Zeros_are_not_written_and_nothing_is_a_blob_too()
    {
        await using var h = await BlobHarness.CreateAsync();
        var sparse = new byte[40 * 1024 * 1024];
        sparse[20_000_000] = 1;
        var upload = await h.Uploads.CreateAsync(new NewUpload(sparse.Length, BlobHarness.DigestOf(sparse)), "ann", default);
        foreach (var number in (int[])[2, 3, 1]) await h.Uploads.PutPartAsync(upload.Id, number, BlobHarness.PartOf(sparse, upload, number), null, default);
        await h.Uploads.CompleteAsync(upload.Id, null, default);
        Assert.Equal(sparse, await h.ReadAsync(BlobHarness.DigestOf(sparse)));

        var appended = await h.Uploads.CreateAsync(new NewUpload(3_000_000, BlobHarness.DigestOf(new byte[3_000_000])), "ann", default);
        Assert.Equal(3_000_000, (await h.Uploads.AppendAsync(appended.Id, 0, new MemoryStream(new byte[3_000_000]), default)).Offset);
        Assert.Equal(3_000_000, (await h.Uploads.CompleteAsync(appended.Id, null, default)).Size);

        var empty = await h.Uploads.CreateAsync(new NewUpload(0, BlobHarness.DigestOf([])), "ann", default);
        Assert.Equal(0, (await h.Uploads.CompleteAsync(empty.Id, null, default)).Size);
    }

    [Theory, DatabaseData]
    public async Task Uploads_that_nothing_comes_to_are_forgotten(string kind)
    {
        await using var h = await BlobHarness.CreateAsync(kind);
        var abandoned = await h.Uploads.CreateAsync(New, "ann", default);
        await h.Uploads.PutPartAsync(abandoned.Id, 1, BlobHarness.PartOf(Content, abandoned, 1), null, default);
        var done = await h.Uploads.CreateAsync(new NewUpload(10, BlobHarness.DigestOf(Content[..10])), "ann", default);
        await h.Uploads.PutPartAsync(done.Id, 1, new MemoryStream(Content, 0, 10), null, default);
        await h.Uploads.CompleteAsync(done.Id, null, default);

        h.Database.Time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(1, await h.Uploads.ExpireAsync(default));
        Assert.Equal([1], (await h.Uploads.GetAsync(abandoned.Id, default)).Received);
        h.Restart();
        h.Database.Time.Advance(TimeSpan.FromDays(6));
        Assert.Equal(1, await h.Uploads.ExpireAsync(default));
        await RefusedAsync(ErrorCode.NotFound, () => h.Uploads.GetAsync(abandoned.Id, default));
        Assert.Empty(Directory.EnumerateFiles(h.SpoolPath));
        Assert.Equal(1, h.BlobCount);
    }

    internal static async Task RefusedAsync(ErrorCode code, Func<Task> call) => Assert.Equal(code, (await Assert.ThrowsAsync<PilothouseException>(call)).Code);

    /// <summary>A connection that breaks after so many bytes.</summary>
    private sealed class CutStream(byte[] content, int length) : MemoryStream(content, 0, length)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            return read > 0 ? read : throw new IOException("cut");
        }
    }
}
