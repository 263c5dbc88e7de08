using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

internal static class TraceEndpoints
{
    public static void MapTraces(this IEndpointRouteBuilder endpoints)
    {
        var traces = endpoints.MapGroup("/api/v1/traces").WithErrors(NativeErrors.Instance).WithTags("Traces");
        traces.MapGet("", ([AsParameters] Query q, ITraces service, CancellationToken ct) =>
            service.ListAsync(new TraceQuery(q.Service, q.Model, q.Release, q.Environment, q.Errors, q.Text, q.Limit ?? 100, q.PageToken) { Experiment = q.Experiment, Session = q.Session }, ct));
        traces.MapGet("{id}", (string id, ITraces service, CancellationToken ct) => service.GetAsync(id, ct));
    }

    /// <summary>Query string of the list; snake_case as everywhere in our API.</summary>
    internal sealed class Query
    {
        public string? Service { get; init; }

        public string? Model { get; init; }

        public string? Release { get; init; }

        public string? Environment { get; init; }

        public bool? Errors { get; init; }

        public string? Text { get; init; }

        public int? Limit { get; init; }

        [Microsoft.AspNetCore.Mvc.FromQuery(Name = "page_token")]
        public string? PageToken { get; init; }

        public string? Experiment { get; init; }

        public string? Session { get; init; }
    }
}
