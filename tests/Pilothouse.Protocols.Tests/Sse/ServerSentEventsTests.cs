using System.Text;
using CsCheck;
using Pilothouse.Protocols.Sse;

namespace Pilothouse.Protocols.Tests.Sse;

public sealed class ServerSentEventsTests
{
    [Theory]
    [InlineData("data: a\n\ndata: [DONE]\n\n", "message=a;message=[DONE]")]
    [InlineData("data:a\r\n\r\n", "message=a")]
    [InlineData("data: a\r\rdata: b\r\r", "message=a;message=b")]
    [InlineData(": comment\nevent: error\ndata: one\ndata: two\nid: 5\n\n", "error=one\ntwo")]
    [InlineData("data\n\n", "message=")]
    [InlineData("event: x\n\ndata: cut", "")]
    public void Streams_are_read_wherever_they_are_cut(string stream, string events) =>
        Gen.Int[1, 8].Sample(size =>
        {
            var parser = new SseParser();
            var read = Encoding.UTF8.GetBytes(stream).Chunk(size).SelectMany(c => parser.Push(c)).Select(e => $"{e.Type}={e.Data}");
            Assert.Equal(events, string.Join(';', read));
        }, iter: 50);

    [Fact]
    public async Task Frames_are_read_back()
    {
        using var stream = new MemoryStream([.. ServerSentEvents.Frame("{\"a\":\"ä\"}"u8), .. ServerSentEvents.DoneFrame.Span]);
        var events = new List<SseEvent>();
        await foreach (var e in ServerSentEvents.ReadAsync(stream, TestContext.Current.CancellationToken))
            events.Add(e);

        Assert.Equal(["{\"a\":\"ä\"}", ServerSentEvents.Done], events.Select(e => e.Data));
    }

    [Fact]
    public void Line_break_in_a_frame_is_refused() => Assert.Throws<ArgumentException>(() => ServerSentEvents.Frame("a\nb"u8));

    [Fact]
    public void Endless_event_is_refused() =>
        Assert.Throws<ProtocolFormatException>(() => new SseParser().Push(new byte[ServerSentEvents.MaxEventBytes + 1]));
}
