using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Otlp;

/// <summary>OpenTelemetry's own .NET SDK with its OTLP exporter over HTTP/protobuf.</summary>
public class OtlpExporterTests
{
    [Theory, DatabaseData]
    public async Task Spans_of_the_SDK_are_found_again(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        using var source = new ActivitySource($"Shop.{kind}");
        string traceId;
        using (var provider = Sdk.CreateTracerProviderBuilder().AddSource(source.Name).ConfigureResource(r => r.AddService("shop"))
            .AddOtlpExporter(o => (o.Endpoint, o.Protocol) = (new Uri(server.Url, "/v1/traces"), OtlpExportProtocol.HttpProtobuf)).Build())
        {
            using (var root = source.StartActivity("answer a customer"))
            {
                traceId = root!.TraceId.ToHexString();
                using var call = source.StartActivity("chat gpt", ActivityKind.Client);
                call!.SetTag("gen_ai.operation.name", "chat").SetTag("gen_ai.provider.name", "openai").SetTag("gen_ai.request.model", "gpt").SetTag("gen_ai.usage.input_tokens", 11).SetTag("gen_ai.usage.output_tokens", 5);
                call.SetTag("gen_ai.response.finish_reasons", (string[])["stop"]).SetStatus(ActivityStatusCode.Error, "too slow");
                call.AddEvent(new ActivityEvent("retry", tags: new ActivityTagsCollection { ["attempt"] = 2 }));
            }
            Assert.True(provider.ForceFlush());
        }

        var trace = await server.Service<ITraces>().GetAsync(traceId, default);
        Assert.Equal(("answer a customer", "shop", "gpt", 2, 1, 11L, 5L), (trace.Summary.Name, trace.Summary.Service, trace.Summary.Model, trace.Summary.Spans, trace.Summary.Errors, trace.Summary.InputTokens, trace.Summary.OutputTokens));
        var call2 = trace.Spans.Single(s => s.Name == "chat gpt");
        Assert.Equal(("client", "error", "too slow", 2L), (call2.Kind, call2.Status, call2.StatusMessage, call2.Events.Single().Attributes["attempt"]));
        Assert.Equal("Shop." + kind, call2.Scope);
        Assert.Equal(traceId, Assert.Single((await server.Service<ITraces>().ListAsync(new TraceQuery(Service: "shop", Errors: true), default)).Items).TraceId);
    }

    /// <summary>With MLflow's header the same exporter writes into an experiment, and links to a run.</summary>
    [Theory, DatabaseData]
    public async Task Spans_of_the_SDK_with_an_experiment_are_MLflows_traces(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        using var created = await server.Http.PostAsJsonAsync("/api/2.0/mlflow/experiments/create", new { name = "shop" });
        var experiment = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("experiment_id").GetString();
        using var source = new ActivitySource($"Shop.Mlflow.{kind}");
        string traceId;
        using (var provider = Sdk.CreateTracerProviderBuilder().AddSource(source.Name)
            .AddOtlpExporter(o => (o.Endpoint, o.Protocol, o.Headers) = (new Uri(server.Url, "/v1/traces"), OtlpExportProtocol.HttpProtobuf, $"x-mlflow-experiment-id={experiment},x-mlflow-run-id=run-1")).Build())
        {
            using (var root = source.StartActivity("answer"))
            {
                traceId = root!.TraceId.ToHexString();
                root.SetTag("session.id", "s-9");
            }
            Assert.True(provider.ForceFlush());
        }

        var search = new { locations = new[] { new { type = "MLFLOW_EXPERIMENT", mlflow_experiment = new { experiment_id = experiment } } }, filter = "run_id = 'run-1' AND metadata.`mlflow.trace.session` = 's-9' AND span.name = 'answer'" };
        using var found = await server.Http.PostAsJsonAsync("/api/3.0/mlflow/traces/search", search);
        Assert.Equal("tr-" + traceId, Assert.Single((await found.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("traces").EnumerateArray()).GetProperty("trace_id").GetString());
        Assert.Equal("shop", (await server.Service<ITraces>().GetAsync(traceId, default)).Context!.ExperimentName);
    }
}
