using System.Buffers.Binary;
using CsCheck;
using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Protocols.Tests.TensorBoard;

public sealed class EventFileReaderTests
{
    [Fact]
    public async Task A_file_cut_anywhere_reads_up_to_its_last_whole_record_and_on_from_there()
    {
        var file = await SampleFiles.ScalarsAsync(5);
        var whole = Read(file).Points["loss"];
        for (var cut = 0; cut <= file.Length; cut++)
        {
            var run = new CollectedRun(Purge.Nothing);
            var first = new EventFileReader(new MemoryStream(file, 0, cut), 0);
            Assert.False(run.Read(first));
            Assert.True(first.Position <= cut);
            Assert.False(run.Read(new EventFileReader(new MemoryStream(file, (int)first.Position, file.Length - (int)first.Position), first.Position)));

            Assert.Empty(run.Faults);
            Assert.Equal(whole, run.Points["loss"]);
        }
    }

    [Fact]
    public async Task Bytes_that_come_one_by_one_read_the_same()
    {
        var file = await SampleFiles.EverythingAsync();
        var run = new CollectedRun(Purge.Nothing);

        run.Read(new EventFileReader(new DrippingStream(file), 0));

        Assert.Equal(Read(file).Points.SelectMany(p => p.Value).Select(p => (p.Step, p.WallTime, p.Number)), run.Points.SelectMany(p => p.Value).Select(p => (p.Step, p.WallTime, p.Number)));
    }

    [Fact]
    public async Task A_record_longer_than_the_limit_is_skipped_without_being_held()
    {
        var before = await SampleFiles.ScalarsAsync(1);
        var after = (await SampleFiles.ScalarsAsync(2))[before.Length..]; // the record of step 1
        var run = new CollectedRun(Purge.Nothing);
        var length = EventFileReader.MaxRecord + 1L;
        var reader = new EventFileReader(new JoinedStream(new MemoryStream(before), new MemoryStream(Header((ulong)length)), new ZeroStream(length + 4), new MemoryStream(after)), 0);

        var held = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(run.Read(reader));

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - held < 8 * 1024 * 1024);
        Assert.Equal(EventFaultKind.RecordTooLong, Assert.Single(run.Faults).Kind);
        Assert.Equal([0, 1], run.Points["loss"].Select(p => p.Step));
        Assert.Equal(before.Length + 16 + length + after.Length, reader.Position);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData((ulong)int.MaxValue + 1)]
    public void A_length_that_no_record_can_have_ends_the_file(ulong length)
    {
        var run = new CollectedRun(Purge.Nothing);

        Assert.True(run.Read(new EventFileReader(new MemoryStream([.. Header(length), .. new byte[100]]), 0)));

        Assert.Equal(EventFaultKind.ImpossibleLength, Assert.Single(run.Faults).Kind);
    }

    [Fact]
    public void A_record_that_is_claimed_but_not_there_is_waited_for_without_its_memory()
    {
        var run = new CollectedRun(Purge.Nothing);
        var held = GC.GetAllocatedBytesForCurrentThread();
        var reader = new EventFileReader(new MemoryStream([.. Header(EventFileReader.MaxRecord), 1, 2, 3]), 0);

        Assert.False(run.Read(reader));

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - held < 4 * 1024 * 1024);
        Assert.Equal(0, reader.Position);
        Assert.Empty(run.Faults);
    }

    /// <summary>Mutations reach the decoders behind the checksums because these are made right again.</summary>
    [Fact]
    public async Task Mutated_records_never_throw_and_never_take_memory_by_their_claims()
    {
        var records = Records(await SampleFiles.EverythingAsync());
        Gen.Select(Gen.Int[0, records.Count - 1], Gen.Int[0, 10_000]).SelectMany((which, _) => Mutations.Of(records[which])).Sample(record =>
        {
            var run = new CollectedRun(Purge.Orphans);
            var held = GC.GetAllocatedBytesForCurrentThread();
            run.Run.Read(record, 0);
            foreach (var (_, content) in run.HParamsContents) Survives(() => HParamsData.Parse(content));
            foreach (var text in run.Points.Values.SelectMany(p => p).SelectMany(p => p.Tensor?.Strings?.Take(3) ?? [])) Survives(() => CustomScalarsLayout.Parse(text));
            return GC.GetAllocatedBytesForCurrentThread() - held < 256 * 1024 * 1024;
        }, iter: 20_000);
    }

    [Fact]
    public async Task Mutated_files_and_noise_never_throw()
    {
        var file = await SampleFiles.EverythingAsync();
        Gen.OneOf(Mutations.Of(file), Gen.Byte.Array[0, 300], Gen.Byte.Array[0, 300].Select(noise => (byte[])[.. file, .. noise])).Sample(bytes =>
        {
            var run = new CollectedRun(Purge.Nothing);
            run.Read(new EventFileReader(new MemoryStream(bytes), 0));
        }, iter: 5_000);
    }

    [Fact]
    public async Task Names_and_metadata_of_a_run_are_bounded_and_what_goes_beyond_is_named()
    {
        var run = new CollectedRun(Purge.Nothing);
        var file = await SampleFiles.WriteAsync(wide: false, writer =>
        {
            for (var i = 0; i < 70; i++)
                writer.Write($"tag {i}", 0, 0, new Tensor(TfDataType.Float, [], [i], null), new SummaryMetadata("own", new byte[1024 * 1024], "", "", TfDataClass.Tensor));
            writer.WriteScalar(new string('x', 100_000), 0, 0, 1);
        });

        run.Read(new EventFileReader(new MemoryStream(file), 0));

        Assert.Equal([EventFaultKind.TooManyTags, EventFaultKind.NotAnEvent], run.Faults.Select(f => f.Kind));
        Assert.Equal(70, run.Points.Count); // the values are read; metadata beyond the bound is not held
        Assert.InRange(run.Run.Tags.Sum(t => (long)(t.Metadata?.Content.Length ?? 0)), 1, EventRun.MaxHeldBytes);
    }

    private static void Survives(Action read)
    {
        try
        {
            read();
        }
        catch (ProtocolFormatException)
        {
            // The named refusal is the point.
        }
    }

    private static CollectedRun Read(byte[] file)
    {
        var run = new CollectedRun(Purge.Nothing);
        run.Read(new EventFileReader(new MemoryStream(file), 0));
        return run;
    }

    private static List<byte[]> Records(byte[] file)
    {
        var records = new List<byte[]>();
        var reader = new EventFileReader(new MemoryStream(file), 0);
        while (reader.Fill())
            while (reader.Next(out var record) == EventRecordStatus.Record) records.Add(record.ToArray());
        return records;
    }

    private static byte[] Header(ulong length)
    {
        var header = new byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(header, length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Crc32C.Masked(header.AsSpan(0, 8)));
        return header;
    }
}
