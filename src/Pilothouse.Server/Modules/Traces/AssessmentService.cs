using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Rules of assessments.</summary>
internal sealed class AssessmentService(AssessmentStore store, Ids ids, TimeProvider time)
{
    private const int MaxName = 250;
    private const int MaxText = 65_536;

    public async Task<MlflowAssessment> CreateAsync(string mlflowTraceId, MlflowAssessmentInput input, CancellationToken ct)
    {
        var row = ToRow(TraceIds.FromMlflow(mlflowTraceId), input);
        await store.AddAsync(row, ct);
        return row.ToMlflow();
    }

    public async Task<MlflowAssessment> GetAsync(string mlflowTraceId, string assessmentId, CancellationToken ct) => (await store.GetAsync(TraceIds.FromMlflow(mlflowTraceId), assessmentId, ct)).ToMlflow();

    /// <param name="mask">Comma-separated names of the fields to take over, <c>assessmentName,feedback</c>; others than those are ignored.</param>
    public async Task<MlflowAssessment> UpdateAsync(string mlflowTraceId, string assessmentId, MlflowAssessmentInput input, string mask, CancellationToken ct)
    {
        var fields = mask.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Snake).ToHashSet();
        if (fields.Contains("valid")) throw Invalid("'valid' is not set directly: an assessment is invalid while another overrides it. Create one with 'overrides', or delete it.");
        Check(input);
        var now = time.NowMs();
        return (await store.UpdateAsync(TraceIds.FromMlflow(mlflowTraceId), assessmentId, row => Change(row, input, fields) with { UpdatedMs = now }, ct)).ToMlflow();
    }

    public Task DeleteAsync(string mlflowTraceId, string assessmentId, CancellationToken ct) => store.DeleteAsync(TraceIds.FromMlflow(mlflowTraceId), assessmentId, ct);

    /// <summary>The row of a new assessment.</summary>
    public AssessmentRow ToRow(string traceId, MlflowAssessmentInput input)
    {
        if (input.Kind is null) throw Invalid("Unknown assessment type: an assessment has a 'feedback', an 'expectation' or an 'issue'.");
        Check(input);
        var now = time.NowMs();
        return new AssessmentRow
        {
            AssessmentId = "a-" + ids.New(),
            TraceId = traceId,
            SpanId = Clean(input.SpanId),
            Name = Clean(input.Name ?? (input.Kind == "issue" ? "issue" : "")),
            Kind = input.Kind,
            Value = input.Value,
            Error = input.Error is null ? null : JsonSerializer.Serialize(input.Error, MlflowJson.Options),
            SourceType = input.SourceType,
            SourceId = Clean(input.SourceId),
            Rationale = Clean(input.Rationale),
            Metadata = input.Metadata is { Count: > 0 } ? JsonSerializer.Serialize(input.Metadata) : null,
            CreatedMs = input.CreateMs ?? now,
            UpdatedMs = input.UpdateMs ?? now,
            Overrides = input.Overrides is { Length: > 0 } ? input.Overrides : null,
            Valid = 1,
        };
    }

    private static AssessmentRow Change(AssessmentRow row, MlflowAssessmentInput input, HashSet<string> fields)
    {
        foreach (var kind in (string[])["feedback", "expectation"])
        {
            if (!fields.Contains(kind)) continue;
            if (row.Kind != kind) throw Invalid($"Cannot update {kind} value on a {(row.Kind == "feedback" ? "Feedback" : row.Kind == "issue" ? "IssueReference" : "Expectation")} assessment.");
            if (input.Kind == kind) row = row with { Value = input.Value, Error = input.Error is null ? null : JsonSerializer.Serialize(input.Error, MlflowJson.Options) };
        }
        if (fields.Contains("assessment_name") && input.Name is { } name) row = row with { Name = Clean(name) };
        if (fields.Contains("rationale")) row = row with { Rationale = Clean(input.Rationale) };
        if (fields.Contains("metadata") && input.Metadata is { } added)
        {
            var metadata = row.Metadata is null ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(row.Metadata)!;
            foreach (var (key, value) in added) metadata[key] = value;
            row = row with { Metadata = JsonSerializer.Serialize(metadata) };
        }
        return row;
    }

    private static void Check(MlflowAssessmentInput input)
    {
        if (input.Name?.Length > MaxName) throw Invalid($"The assessment_name is longer than {MaxName} characters.");
        if (input.Rationale?.Length > MaxText) throw Invalid($"The rationale is longer than {MaxText} characters.");
        if (input.SpanId?.Length > MaxName || input.SourceId?.Length > MaxName || input.Overrides?.Length > MaxName) throw Invalid($"The span_id, source_id and overrides are at most {MaxName} characters long.");
        if (input.Metadata?.Sum(m => m.Key.Length + m.Value.Length) > MaxText) throw Invalid($"The metadata of an assessment is longer than {MaxText} characters.");
        if (input.Error is { } error && (error.ErrorCode?.Length ?? 0) + (error.ErrorMessage?.Length ?? 0) + (error.StackTrace?.Length ?? 0) > MaxText) throw Invalid($"The error of an assessment is longer than {MaxText} characters.");
    }

    // assessmentName is assessment_name; snake_case is taken as well
    private static string Snake(string field) => JsonNamingPolicy.SnakeCaseLower.ConvertName(field);

    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(text))]
    private static string? Clean(string? text) => text?.Replace('\0', ' ');

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
