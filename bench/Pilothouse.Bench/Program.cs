using Pilothouse.Bench;

// One file a verb; each starts the real server on a data directory of its own, and measures the machine's limit in the same run.
var verbs = new Dictionary<string, (string Help, Func<BenchOptions, Task> Run)>
{
    ["log-batch"] = ("metric rows/s from --clients, --batch metrics a request", LogBatchVerb.RunAsync),
    ["log-metric"] = ("single metrics: latency of one client, requests/s of --clients", LogMetricVerb.RunAsync),
    ["series"] = ("charts of --clients runs with --requests x --batch points each", SeriesVerb.RunAsync),
    ["runs-search"] = ("1,000 runs returned whole, and a filtered and ordered page of --runs", RunsSearchVerb.RunAsync),
    ["otlp"] = ("OTLP spans/s from --clients, --batch spans a request; lists and searches over them", OtlpVerb.RunAsync),
    ["gateway"] = ("what the gateway adds in front of a model server that answers at once", GatewayVerb.RunAsync),
    ["bootstrap"] = ("bootstrap of 10,000 cases x 10,000 resamples, beside the drawing of the numbers alone", BootstrapVerb.RunAsync),
    ["suite"] = ("a suite of 1,000 cases against an endpoint that takes 5 ms, then warm; page of a report of 100,000 cases", SuiteVerb.RunAsync),
    ["tfevents"] = ("TensorBoard scalar events/s on one core, 100 x --runs events", TfEventsVerb.RunAsync),
    ["blob-files"] = ("push and pull of one file of --megabytes and --runs small ones, beside git-lfs and plain git", BlobFilesVerb.RunAsync),
    ["blob-put"] = ("upload of one large blob", BlobPutVerb.RunAsync),
};
if (args.Length == 0 || !verbs.TryGetValue(args[0], out var verb))
{
    Console.Error.WriteLine("Usage: dotnet run -c Release --project bench/Pilothouse.Bench -- VERB [--clients N] [--requests N] [--batch N] [--runs N] [--megabytes N] [--data DIR] [--postgres CONNECTION]");
    foreach (var (name, (help, _)) in verbs) Console.Error.WriteLine($"  {name,-12} {help}");
    return 2;
}
if (BenchOptions.Parse(args[1..]) is not { } options) return 2;
await verb.Run(options);
return 0;
