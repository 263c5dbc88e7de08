namespace Pilothouse.Server.Modules.Traces;

/// <summary>The compact columns of one span.</summary>
internal sealed class SpanRow
{
    public string TraceId { get; init; } = "";
    public string SpanId { get; init; } = "";
    public string? ParentId { get; init; }
    public string Name { get; init; } = "";
    public string? Service { get; init; }
    public string? Environment { get; init; }
    public string? Release { get; init; }
    public long StartNs { get; init; }
    public long EndNs { get; init; }
    public long IsError { get; init; }
    public string? Operation { get; init; }
    public string? Model { get; init; }
    public string? ResponseId { get; init; }
    public long? InputTokens { get; init; }
    public long? OutputTokens { get; init; }
    public long Richness { get; init; }
    public string? InputText { get; init; }
    public string? OutputText { get; init; }
    public string? SpanType { get; init; }

    /// <summary>0 unset, 1 ok, 2 error.</summary>
    public long Status { get; init; }
    public string? Provider { get; init; }
    public double? InputCost { get; init; }
    public double? OutputCost { get; init; }
    public long? CacheReadTokens { get; init; }
    public long? CacheWriteTokens { get; init; }
    public byte[] Payload { get; init; } = [];

    // Not columns of the span: what the trace takes from it when it comes in.
    public string? Session { get; init; }
    public string? User { get; init; }
    public string? RequestPreview { get; init; }
    public string? ResponsePreview { get; init; }
}
