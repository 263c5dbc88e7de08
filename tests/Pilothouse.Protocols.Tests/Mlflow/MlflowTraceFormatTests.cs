using System.Text;
using System.Text.Json;
using CsCheck;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Protocols.Tests.Mlflow;

public class MlflowTraceFormatTests
{
    private static readonly string[] Noise = ["", "\"", "null", "[", "{", "-1", "1e400", "\\ud800", "x"];

    [Fact]
    public void Times_and_durations_read_as_they_were_written() => Gen.Long[0, 253_402_300_799_999].Sample(ms =>
        MlflowTime.ReadTimestamp(Json($"\"{MlflowTime.Timestamp(ms)}\"")) == ms && MlflowTime.ReadDuration(Json($"\"{MlflowTime.Duration(ms)}\"")) == ms);

    [Theory]
    [InlineData("\"yesterday\"")]
    [InlineData("5")]
    [InlineData("\"2026-13-01T00:00:00Z\"")]
    [InlineData("\"1969-12-31T23:59:59Z\"")]
    public void What_is_no_time_is_refused(string json) => Assert.Null(MlflowTime.ReadTimestamp(Json(json)));

    [Theory]
    [InlineData("status = 'OK'")]
    [InlineData("span.`attributes.gen_ai.request.model` RLIKE '^gpt'")]
    [InlineData("metadata.`mlflow.trace.session` IN ('a')")]
    [InlineData("trace.text LIKE '%a%' AND feedback.`q` IS NULL AND timestamp_ms >= 5")]
    public void A_trace_filter_reads_as_it_was_written(string text)
    {
        if (text.Contains("IN (", StringComparison.Ordinal))
        {
            Assert.Throws<MlflowFilterException>(() => MlflowFilter.Parse(text, MlflowGrammar.Traces)); // metadata knows no lists
            return;
        }
        var filter = MlflowFilter.Parse(text, MlflowGrammar.Traces);
        Assert.Equal(filter.Comparisons, MlflowFilter.Parse(filter.ToString(), MlflowGrammar.Traces).Comparisons);
    }

    /// <summary>MLflow's server keeps what came before the first value of a wrong type.</summary>
    [Fact]
    public void A_trace_is_read_up_to_the_first_fault()
    {
        var input = MlflowTraceInput.Read(Json("""{"trace_info":{"trace_id":"a","request_time":"2026-01-02T03:04:05Z","state":"NOPE","tags":{"a":"b"}}}"""));
        Assert.Equal(("a", 1_767_323_045_000, "STATE_UNSPECIFIED", 0), (input.TraceId, input.RequestMs, input.State, input.Tags.Count));
        Assert.Null(MlflowAssessmentInput.Read(Json("""{"assessment_name":5,"feedback":{"value":1}}""")).Kind);
        Assert.Equal("feedback", MlflowAssessmentInput.Read(Json("""{"feedback":{"value":1},"expectation":{"value":2}}""")).Kind);
    }

    [Fact]
    public void A_value_that_is_nested_too_deep_is_refused() =>
        Assert.Throws<ProtocolFormatException>(() => MlflowAssessmentInput.Read(Json("{\"feedback\":{\"value\":" + new string('[', 30) + new string(']', 30) + "}}")));

    [Theory]
    [InlineData("{\"a\": 1, \"b\": [1.0, true, null, \"x\"]}")]
    [InlineData("\"quoted \\\" text\"")]
    public void Python_JSON_is_written_with_its_spaces(string json) => Assert.Equal(json, PythonJson.Write(Json(json)));

    [Theory]
    [InlineData("{\"a\": 1}", "{\"a\": 1}")]
    [InlineData("plain", "\"plain\"")]
    [InlineData("5", "\"5\"")]
    public void A_text_that_holds_JSON_is_JSON_already(string text, string expected) => Assert.Equal(expected, PythonJson.Of(text));

    [Fact]
    public void A_mutilated_trace_file_is_refused_or_read()
    {
        const string file = """{"spans":[{"trace_id":"RDS25VtjD85rZRtru1sAuw==","span_id":"7IO14OSfcV4=","parent_span_id":null,"name":"add","start_time_unix_nano":1795426678605183024,"end_time_unix_nano":1795426678709377804,"status":{"code":"STATUS_CODE_OK","message":""},"events":[{"name":"e","time_unix_nano":5,"attributes":{"a":[1]}}],"attributes":{"mlflow.spanInputs":"{\"x\": 1}"}}]}""";
        Assert.Equal("ec83b5e0e49f715e", Assert.Single(MlflowSpanFile.Read(Encoding.UTF8.GetBytes(file), "t")).SpanId);
        Gen.Select(Gen.Int[0, file.Length - 1], Gen.Int[0, Noise.Length - 1].Select(i => Noise[i]), Gen.Int[0, 9]).Sample((at, text, cut) =>
        {
            try
            {
                MlflowSpanFile.Read(Encoding.UTF8.GetBytes(file[..at] + text + file[Math.Min(file.Length, at + cut)..]), "t");
            }
            catch (ProtocolFormatException)
            {
                // the only way to fail
            }
            return true;
        });
    }

    private static JsonElement Json(string json) => JsonDocument.Parse(json).RootElement;
}
