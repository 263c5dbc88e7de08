using CsCheck;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Traces;

public class TraceStoreTests
{
    [Theory, DatabaseData]
    public async Task Spans_that_come_in_pieces_and_out_of_order_are_one_trace(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var traces = new TraceService(new TraceStore(database.Db));
        var root = Span(1, 1, null, 0, 100, "agent");
        var call = Span(1, 2, 1, 10, 50, "chat", ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", 11L), ("gen_ai.usage.output_tokens", 5L), ("pilothouse.release", "sha256:r"));

        await traces.WriteAsync([call], default);
        var early = Assert.Single((await traces.ListAsync(new TraceQuery(), default)).Items);
        await traces.WriteAsync([root, call], default);
        await traces.WriteAsync([root with { Name = "sent when it began" }, root], default);
        var trace = await traces.GetAsync(root.TraceId, default);

        Assert.Equal(("chat", 1), (early.Name, early.Spans));
        Assert.Equal(("agent", 2, 11L, 5L, "m", "sha256:r"), (trace.Summary.Name, trace.Summary.Spans, trace.Summary.InputTokens, trace.Summary.OutputTokens, trace.Summary.Model, trace.Summary.Release));
        Assert.Equal(100, trace.Summary.DurationMs);
        Assert.Equal(["agent", "chat"], trace.Spans.Select(s => s.Name));
        Assert.Equivalent(call, trace.Spans[1]);
    }

    /// <summary>The same call seen by an SDK and by our gateway, under each other and in different requests, is billed once.</summary>
    [Theory, DatabaseData]
    public async Task Nested_spans_of_one_response_are_counted_once(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var traces = new TraceService(new TraceStore(database.Db));
        (string, object?)[] usage = [("gen_ai.operation.name", "chat"), ("gen_ai.response.id", "chatcmpl-1"), ("gen_ai.usage.input_tokens", 11L), ("gen_ai.usage.output_tokens", 5L)];
        await traces.WriteAsync([Span(1, 2, 1, 10, 50, "chat", usage)], default);
        await traces.WriteAsync([Span(1, 1, null, 0, 100, "chat", usage)], default);
        await traces.WriteAsync([Span(1, 3, 1, 60, 90, "chat", [("gen_ai.operation.name", "chat"), ("gen_ai.response.id", "chatcmpl-2"), ("gen_ai.usage.input_tokens", 7L), ("gen_ai.usage.output_tokens", 1L)])], default);

        var trace = Assert.Single((await traces.ListAsync(new TraceQuery(), default)).Items);
        Assert.Equal((18L, 6L), (trace.InputTokens, trace.OutputTokens));
    }

    [Theory, DatabaseData]
    public async Task Pages_show_every_trace_once_newest_first(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var traces = new TraceService(new TraceStore(database.Db));
        await traces.WriteAsync([.. Enumerable.Range(1, 25).Select(i => Span(i, 1, null, i / 3 * 10, 5, $"t{i}"))], default); // three share a start

        var seen = new List<TraceSummary>();
        string? token = null;
        do
        {
            var page = await traces.ListAsync(new TraceQuery(Limit: 4, PageToken: token), default);
            Assert.True(page.Items.Count <= 4);
            seen.AddRange(page.Items);
            token = page.NextPageToken;
        }
        while (token is not null);

        Assert.Equal(25, seen.Select(t => t.TraceId).Distinct().Count());
        Assert.Equal(seen.OrderByDescending(t => t.StartMs).ThenByDescending(t => t.TraceId, StringComparer.Ordinal).Select(t => t.TraceId), seen.Select(t => t.TraceId));
    }

    [Theory, DatabaseData]
    public async Task Filters_find_what_they_name(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var traces = new TraceService(new TraceStore(database.Db));
        await traces.WriteAsync(
        [
            Span(1, 1, null, 0, 5, "a", ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m1"), ("pilothouse.environment", "shop/production"), ("gen_ai.input.messages", "100% of the lamps_are blue")),
            Span(2, 1, null, 1, 5, "b", ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m2"), ("error.type", "timeout")),
            Span(3, 1, null, 2, 5, "c", ("text.with\0nul", "a\0b")) with { Resource = new Dictionary<string, object?> { ["service.name"] = "shop\0" } },
        ], default);

        async Task<string> Names(TraceQuery query) => string.Concat((await traces.ListAsync(query, default)).Items.Select(t => t.Name));
        Assert.Equal("cba", await Names(new TraceQuery()));
        Assert.Equal("a", await Names(new TraceQuery(Model: "m1")));
        Assert.Equal("a", await Names(new TraceQuery(Environment: "shop/production")));
        Assert.Equal("b", await Names(new TraceQuery(Errors: true)));
        Assert.Equal("ca", await Names(new TraceQuery(Errors: false)));
        Assert.Equal("a", await Names(new TraceQuery(Text: "100% OF")));
        Assert.Equal("a", await Names(new TraceQuery(Text: "lamps_are")));
        Assert.Equal("", await Names(new TraceQuery(Text: "lamps%are")));
        Assert.Equal("c", await Names(new TraceQuery(Service: "shop ")));
    }

    [Fact]
    public async Task A_wrong_query_is_refused_by_name()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var traces = new TraceService(new TraceStore(database.Db));
        foreach (var query in (TraceQuery[])[new(Limit: 0), new(Limit: 1001), new(PageToken: "xx"), new(Text: new string('x', 201))])
            Assert.Equal(ErrorCode.InvalidArgument, (await Assert.ThrowsAsync<PilothouseException>(() => traces.ListAsync(query, default))).Code);
        Assert.Equal(ErrorCode.NotFound, (await Assert.ThrowsAsync<PilothouseException>(() => traces.GetAsync("no", default))).Code);
    }

    [Theory, DatabaseData]
    public async Task Writers_of_the_same_traces_do_not_lose_spans(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var traces = new TraceService(new TraceStore(database.Db));
        await traces.WriteAsync([.. Enumerable.Range(1, 5).Select(t => Span(t, 99, null, 0, 1, "first"))], default);
        await Task.WhenAll(Enumerable.Range(1, 8).Select(writer => Task.Run(() => traces.WriteAsync([.. Enumerable.Range(1, 5).Reverse().Select(t => Span(t, writer, null, writer, 1, "s"))], default))));
        Assert.All((await traces.ListAsync(new TraceQuery(), default)).Items, t => Assert.Equal(9, t.Spans));
    }

    [Fact]
    public void A_stored_span_reads_as_it_was()
    {
        var value = Gen.OneOf<object?>(Gen.String.Select(s => (object?)s), Gen.Long.Select(l => (object?)l), Gen.Bool.Select(b => (object?)b), Gen.Const((object?)null));
        Gen.Select(Gen.Dictionary(Gen.String, value), Gen.String, Gen.Long[0, long.MaxValue]).Sample((attributes, name, time) =>
        {
            // A lone surrogate has no UTF-8 form, so it cannot come over a wire either.
            if (name.Any(char.IsSurrogate) || attributes.Any(a => a.Key.Any(char.IsSurrogate) || a.Value is string s && s.Any(char.IsSurrogate))) return true;
            var span = Span(1, 1, null, 0, 1, name) with { Attributes = attributes, Events = [new SpanEvent("e", time, attributes)] };
            var read = SpanPayload.Read(SpanPayload.Write(span));
            return read.Name == name && read.Events[0].TimeNs == time && attributes.All(a => Equals(read.Attributes[a.Key], a.Value)) && read.Attributes.Count == attributes.Count;
        });
    }

    private static SpanRecord Span(int trace, int span, int? parent, long startMs, long ms, string name, params (string Key, object? Value)[] attributes) =>
        new($"{trace:x32}", $"{span:x16}", parent is { } p ? $"{p:x16}" : null, name, "internal", startMs * 1_000_000, (startMs + ms) * 1_000_000, "unset", null,
            attributes.ToDictionary(a => a.Key, a => a.Value), [], new Dictionary<string, object?>(), null);
}
