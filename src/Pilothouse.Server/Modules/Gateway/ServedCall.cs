using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>A chat request as the gateway understands it, free of HTTP.</summary>
/// <param name="Model">Route name, or <c>models:/NAME/VERSION</c>.</param>
/// <param name="Conversation">Key that keeps a conversation on one arm.</param>
/// <param name="Parent">Trace and span of the caller, when it sent a traceparent.</param>
internal sealed record ChatCall(string Model, IReadOnlyList<ChatTurn> Messages, int? MaxTokens, double? Temperature, double TopP, long? Seed, IReadOnlyList<string> Stop, string Conversation,
    string? ConversationId, IReadOnlyDictionary<string, string> Metadata, TraceParent? Parent);

/// <summary>A request to a classifier.</summary>
internal sealed record ClassifyCall(string Model, IReadOnlyList<string> Texts, string Conversation, string? ConversationId, IReadOnlyDictionary<string, string> Metadata, TraceParent? Parent);

/// <summary>W3C trace context of the caller (https://www.w3.org/TR/trace-context/), so that our span hangs under the caller's.</summary>
internal sealed record TraceParent(string TraceId, string SpanId)
{
    // 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
    public static TraceParent? Parse(string? header)
    {
        if (header is not { Length: >= 55 } || header[2] != '-' || header[35] != '-' || header[52] != '-' || header.StartsWith("ff", StringComparison.Ordinal)) return null;
        var (trace, span) = (header[3..35], header[36..52]);
        return IsId(trace) && IsId(span) ? new TraceParent(trace, span) : null;
    }

    private static bool IsId(string id) => id.All(char.IsAsciiHexDigitLower) && id.Any(c => c != '0');
}

/// <summary>Who answers a call: known before the first token, so that it can go into the headers.</summary>
/// <param name="Route">Null when a registered model was named directly.</param>
internal sealed record Answerer(ActiveRoute? Route, ActiveArm Arm, string TraceId, string SpanId, string ResponseId, long CreatedMs);
