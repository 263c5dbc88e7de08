using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>Everything as one JSON object: <c>{"type", "evaluation", "cases", "fairness"}</c>, in the names of the API.</summary>
public static class JsonReport
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    public static string Write(EvaluationDetail? evaluation, IReadOnlyList<EvaluationCase> cases, FairnessReport? fairness) =>
        JsonSerializer.Serialize(new { Type = "pilothouse.report/v1", Evaluation = evaluation, Cases = cases, Fairness = fairness }, Options) + "\n";
}
