using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>Writes runs page by page to a stream: the memory is that of one page, however many runs there are.</summary>
internal abstract class RunExport(Stream output) : IAsyncDisposable
{
    public static RunExport Create(string format, Stream output) => format switch
    {
        "csv" => new CsvExport(output),
        "json" => new JsonExport(output),
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"Runs are exported as csv or json, not '{format}'."),
    };

    protected Stream Output { get; } = output;

    /// <summary>The columns must be known before the first row.</summary>
    public abstract bool NeedsColumns { get; }

    public abstract Task BeginAsync(IReadOnlyList<string> columns);

    public abstract Task WriteAsync(IReadOnlyList<RunSummary> runs);

    public abstract Task EndAsync();

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>RFC 4180, UTF-8, times in ISO 8601. A run without a value has an empty field.</summary>
    private sealed class CsvExport(Stream output) : RunExport(output)
    {
        private static readonly SearchValues<char> Quoted = SearchValues.Create("\",\r\n");
        private readonly StringBuilder _text = new();
        private IReadOnlyList<string> _columns = [];

        public override bool NeedsColumns => true;

        public override Task BeginAsync(IReadOnlyList<string> columns)
        {
            _columns = columns;
            Row(["run_id", "run_name", "status", "user", "start_time", "end_time", "lifecycle_stage", .. columns]);
            return FlushAsync();
        }

        public override Task WriteAsync(IReadOnlyList<RunSummary> runs)
        {
            foreach (var run in runs)
                Row([run.Id, run.Name, run.Status, run.User, Time(run.StartMs), Time(run.EndMs), run.LifecycleStage, .. _columns.Select(c => Cell(run, c))]);
            return FlushAsync();
        }

        public override Task EndAsync() => Output.FlushAsync();

        private static string? Cell(RunSummary run, string column)
        {
            var dot = column.IndexOf('.', StringComparison.Ordinal);
            var key = column[(dot + 1)..];
            return column[..Math.Max(dot, 0)] switch
            {
                "metrics" => run.Metrics.TryGetValue(key, out var value) ? value.ToString("R", CultureInfo.InvariantCulture) : null,
                "params" => run.Params.GetValueOrDefault(key),
                "tags" => run.Tags.GetValueOrDefault(key),
                _ => null,
            };
        }

        private static string? Time(long? ms) => ms is { } at and >= -62_135_596_800_000 and <= 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds(at).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) : ms?.ToString(CultureInfo.InvariantCulture);

        private void Row(IReadOnlyList<string?> fields)
        {
            for (var i = 0; i < fields.Count; i++)
            {
                if (i > 0) _text.Append(',');
                var field = fields[i] ?? "";
                if (field.AsSpan().ContainsAny(Quoted)) _text.Append('"').Append(field.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
                else _text.Append(field);
            }
            _text.Append("\r\n");
        }

        private async Task FlushAsync()
        {
            await Output.WriteAsync(Encoding.UTF8.GetBytes(_text.ToString()));
            _text.Clear();
        }
    }

    /// <summary>One array of runs as <c>/api/v1/runs</c> gives them, one run a line.</summary>
    private sealed class JsonExport(Stream output) : RunExport(output)
    {
        private bool _first = true;

        public override bool NeedsColumns => false;

        public override async Task BeginAsync(IReadOnlyList<string> columns) => await Output.WriteAsync("["u8.ToArray());

        public override async Task WriteAsync(IReadOnlyList<RunSummary> runs)
        {
            foreach (var run in runs)
            {
                await Output.WriteAsync(_first ? "\n"u8.ToArray() : ",\n"u8.ToArray());
                await Output.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(run, WireJson.Options));
                _first = false;
            }
        }

        public override async Task EndAsync() => await Output.WriteAsync("\n]\n"u8.ToArray());
    }
}
