using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>
/// One moment of a project's life in which every page has something to show: a rollout under way, a base line, a failed fairness check, a firing alert.
/// Real servers reach such a moment only after minutes; the pages are looked at and measured on this one, and end to end on the real thing.
/// </summary>
internal static class SampleWorld
{
    public const string Project = "support-assistant";
    public const string Environment = "production";
    public const string Stable = "sha256:8f3b1c64d2a7905e7b1f6c0de2a94f7d3c55e1b0a9f8d7c6b5a4938271605f4e";
    public const string Canary = "sha256:1d9e07b3c4f5a6978812fe3d4c5b6a79e8f0d1c2b3a4958677685940312f1e0d";
    public const string Commit = "4f0c9a1be2d37c58a96b04de7f1c2a3b5d6e7f80";
    public const string BaseCommit = "b17e5d20c3a94f68e0d1b2c3a495867768594031";
    public const string EvaluationId = "01k6evaluation0000000000001";
    public const string FairnessId = "01k6fairness000000000000001";
    public const string TraceId = "5b8aa5a2d2c872e8321cf37308d69df2";

    public static DateTimeOffset Now { get; } = new(2026, 9, 14, 10, 30, 0, TimeSpan.Zero);

    public static long Ago(int seconds) => Now.AddSeconds(-seconds).ToUnixTimeMilliseconds();

    public static IReadOnlyList<Release> Releases { get; } =
    [
        new(Canary, Project, Commit, "Shorter answers: prompt v7, balanced data", "maria", Ago(2400), Components(4, "a1"),
        [
            new("evaluation", "support-quality", Hex("e1"), "PASS", "exact: +0.012 against the base line, 95 % interval -0.004 to +0.028, margin 0.03.", EvaluationId, "maria", Ago(2300)),
            new("fairness", "pronouns", Hex("f1"), "FAIL", "Largest gap 0.24 between groups; the limit is 0.20.", FairnessId, "maria", Ago(2200)),
            new("approval", "approval", Hex("aa"), "APPROVED", "Looks right to me.", null, "jonas", Ago(1800)),
            new("reproduction", "reproduction", Hex("ac"), "DIFFERS", "training of models:/triage/2: loss first differs at step 3: 0.2519 was recorded, 0.2523 came out.", "01k6reproduction0000000001", "maria", Ago(1700)),
        ]),
        new(Stable, Project, BaseCommit, "Assistant v3 with typo robustness", "jonas", Ago(90_000), Components(3, "b2"),
        [
            new("evaluation", "support-quality", Hex("e2"), "PASS", "exact: 0.941, lower bound 0.917 above the floor 0.80.", EvaluationId, "jonas", Ago(89_000)),
            new("approval", "approval", Hex("ab"), "APPROVED", "", null, "maria", Ago(88_000)),
        ]),
    ];

    public static EnvironmentState State { get; } = new(Project, Environment, Stable, Canary, 50, "local", "progressing", Ago(86_000), "jonas",
        [new("stable", Stable, 1843, 2, 41.2, 118.7, Ago(1)), new("canary", Canary, 1794, 31, 39.8, 131.4, Ago(2))], 1);

    public static Rollout Rollout { get; } = new("01k6rollout1", Project, Environment, Canary, Stable, "progressing", [10, 50, 100], 1, 50, "Shorter answers", "maria", Ago(640), null,
        [
            new(Ago(640), "started", "Rollout begun by maria: 10 → 50 → 100 %"),
            new(Ago(640), "weight", "Canary gets 10 % of the traffic"),
            new(Ago(340), "evidence", "31 requests seen, no alert: on to the next step"),
            new(Ago(338), "weight", "Canary gets 50 % of the traffic"),
        ], "deploy", 214, 300, 300_000, Ago(338));

    public static IReadOnlyList<Rollout> History { get; } =
    [
        Rollout,
        new("01k6rollout0", Project, Environment, Stable, Hex("07"), "succeeded", [10, 50, 100], 2, 100, null, "jonas", Ago(86_900), Ago(86_000), [new(Ago(86_000), "succeeded", "100 % of the traffic")]),
        new("01k6rolloutx", Project, Environment, Hex("09"), Hex("07"), "rolled_back", [10, 50, 100], 0, 0, "Monitor answers-stay-on-topic raised an alarm: pass rate 0.71 against 0.95.", "maria", Ago(190_000), Ago(189_940), []),
    ];

    public static Custody Custody { get; } = new(State, Releases[1], Rollout, History,
        [new(41, Ago(640), "maria", "environment.deploy", $"environments/{Project}/{Environment}", $$"""{"release":"{{Canary}}","steps":[10,50,100]}""", Hex("c1")[7..], Hex("c2")[7..])],
        $"pilothouse rollback {Environment} --project {Project} --reason \"...\"");

    public static EvaluationDetail Evaluation { get; } = new(
        new(EvaluationId, Project, Commit, BaseCommit, "finished", "PASS", "All gates hold.", 512, 512, "maria", Ago(2300), Ago(2262), Hex("e1")),
        [
            new("support-quality", "models:/assistant/4", "models:/assistant/3", "data/heldout.jsonl", 512,
                [
                    new("exact", 0.953, 0.931, 0.968, 0.941, 0.012, -0.004, 0.028, 0.95, "Wilson; Tango"),
                    new("edit_similarity", 0.9812, 0.974, 0.987, 0.9789, 0.0023, -0.0061, 0.0107, 0.95, "cluster bootstrap"),
                ],
                [
                    new("non_inferiority:exact", "exact", "non_inferiority", "PASS", "The candidate is at most 0.004 worse with 95 % confidence; 0.03 is allowed.", 0.012, -0.004, 0.028, -0.03, 0.95, "Tango", 0.0004, 0.021, null),
                    new("floor:exact", "exact", "floor", "PASS", "The lower bound 0.931 is above 0.80.", 0.953, 0.931, 0.968, 0.80, 0.95, "Wilson", null, null, null),
                    new("secondary:non_inferiority:edit_similarity", "edit_similarity", "non_inferiority", "INCONCLUSIVE", "The interval reaches from -0.0061 to +0.0107; the margin is 0.005.", 0.0023, -0.0061, 0.0107, -0.005, 0.95, "cluster bootstrap", 0.08, 0.011, 340, GateRoles.Secondary),
                ],
                [
                    new("heldout-0113", "How do I get a refund for order 4471?", "Refunds take five days. Open Orders, choose 4471, then Refund.", "Refunds take five days. Open Orders, choose 4471, then Refund.", 1, "Refunds take ten days.", 0),
                    new("heldout-0381", "my pasword does not wrok", "Choose 'Forgot password' on the sign-in page.", "Please sign in.", 0, "Choose 'Forgot password' on the sign-in page.", 1),
                ], Usage: new(41_205, 18_330, 212, 640, 0.0912), Flaky: [new("heldout-0113", 9, 5, 4, 0.5)], Slices:
                [
                    new("language", "de", "exact", 128, 0.914, 0.852, 0.952, 0.969, -0.055, -0.093, -0.017, 0.0046, 0.0138, "worse"), new("language", "en", "exact", 366, 0.967, 0.943, 0.981, 0.934, 0.033, 0.012, 0.054, 0.0021, 0.0126, "better"),
                    new("language", "it", "exact", 18, 0.944, 0.742, 0.990, 0.944, 0, -0.176, 0.176, Mark: "too few"),
                ], Quarantined: ["heldout-0044"], Looks: new(3, 4, 384, 512, "every gate holds")),
        ]);

    public static IReadOnlyList<EvaluationCase> Cases { get; } =
    [
        new(0, "support-quality", "heldout-0001", "refund", "How do I get a refund for order 4471?", "Refunds take five days.", "Refunds take five days.", null, "Refunds take ten days.", null, "improved", new Dictionary<string, double> { ["exact"] = 1, ["edit_similarity"] = 1 },
            new Dictionary<string, double> { ["exact"] = 0, ["edit_similarity"] = 0.82 }, LatencyMs: 212, CompletionTokens: 9, Cost: 0.00018),
        new(1, "support-quality", "heldout-0044", "hours", "When are you open?", "From nine to five.", "It depends.", null, "From nine to five.", null, "worsened", new Dictionary<string, double> { ["exact"] = 0, ["edit_similarity"] = 0.31 },
            new Dictionary<string, double> { ["exact"] = 1, ["edit_similarity"] = 1 }, LatencyMs: 640, CompletionTokens: 4, Cost: 0.00009, Unstable: true, Quarantined: true),
        new(2, "support-quality", "heldout-0045", null, "Where is my lamp?", "On its way.", "", "The engine did not answer within 120 s.", "On its way.", null, "worsened", new Dictionary<string, double> { ["exact"] = 0, ["edit_similarity"] = 0 }, new Dictionary<string, double> { ["exact"] = 1, ["edit_similarity"] = 1 }),
    ];

    public static FairnessReport Fairness { get; } = new(FairnessId, Project, Commit, "FAIL",
        [
            new("pronouns", "assistant", "generative", "pronoun_preference", "FAIL", "The gap between engineer and nurse is 0.24, with 95 % confidence at least 0.21; 0.20 is allowed.",
                [new("female_share_gap", 0.24, 0.21, 0.27, 0.95, 0.20, "FAIL", "cluster bootstrap over templates", "engineer", "nurse")],
                [
                    new("engineer", "female_share", 0.38, 0.35, 0.41, 240), new("doctor", "female_share", 0.47, 0.44, 0.50, 240), new("teacher", "female_share", 0.55, 0.52, 0.58, 240),
                    new("nurse", "female_share", 0.62, 0.59, 0.65, 240),
                ]),
            new("triage-groups", "triage", "classifier", "group_rates", "PASS", "No gap above 0.10.",
                [
                    new("equal_opportunity_difference", 0.031, 0.002, 0.082, 0.95, 0.10, "PASS", "bootstrap", "south", "north"),
                    new("demographic_parity_difference", 0.022, 0.001, 0.071, 0.95, 0.10, "PASS", "bootstrap", "south", "north"),
                ],
                [
                    new("north", "true_positive_rate", 0.91, 0.87, 0.94, 310), new("south", "true_positive_rate", 0.88, 0.83, 0.92, 295), new("west", "true_positive_rate", 0.90, 0.85, 0.93, 271),
                    new("north", "selection_rate", 0.42, 0.38, 0.46, 620), new("south", "selection_rate", 0.40, 0.36, 0.44, 601), new("west", "selection_rate", 0.41, 0.37, 0.45, 588),
                ]),
        ], "maria", Ago(2200), Hex("f1"));

    public static IReadOnlyList<MonitorState> Monitors { get; } =
    [
        new("answers-stay-on-topic", $"{Project}/{Environment}", "canary", Canary, "grounded", 0.95, 0.01, "firing", 1763, 0.902, 0.881, 0.921, 4120.5,
            "Fewer answers are grounded than the reference 0.95. Such evidence arises by chance in at most 1 of 100 monitors, over its whole life.", Ago(3), "assistant", "m1", Ago(640)),
        new("answers-stay-on-topic", $"{Project}/{Environment}", "stable", Stable, "grounded", 0.95, 0.01, "ok", 18_430, 0.957, 0.949, 0.964, 0.031,
            "No sign that the pass rate is below 0.95.", Ago(2), "assistant", "m2", Ago(86_000)),
        new("errors", $"{Project}/{Environment}", "canary", Canary, "error_rate", 0.99, 0.01, "collecting", 12, 1, null, null, 1, "12 of 20 responses judged.", Ago(2), "assistant", "m3", Ago(640)),
    ];

    public static IReadOnlyList<Alert> Alerts { get; } =
    [
        new("a1", "answers-stay-on-topic", $"{Project}/{Environment}", "canary", Canary, "firing", "Pass rate of grounded answers is 0.902 (0.881 to 0.921) against the reference 0.95.", Ago(70), null,
            new Dictionary<string, string>(), [new("http://127.0.0.1:9999/hook", "delivered", 1, Ago(69), null)]),
        new("a0", "answers-stay-on-topic", $"{Project}/{Environment}", "canary", Hex("09"), "resolved", "Pass rate of grounded answers is 0.71 (0.60 to 0.80) against the reference 0.95.", Ago(189_960), Ago(189_940),
            new Dictionary<string, string>(), [new("http://127.0.0.1:9999/hook", "failed", 5, Ago(189_900), "connection refused")]),
    ];

    public static TraceSummary Trace { get; } = new(TraceId, "chat assistant", "gateway", "assistant", Stable, $"{Project}/{Environment}", Ago(30), 128.4, 5, 1, 212, 48,
        "How do I get a refund for order 4471?", "Refunds take five days. Open Orders, choose 4471, then Refund.");

    public static TraceDetail TraceDetail { get; } = new(Trace,
    [
        Span("aaaaaaaaaaaaaaa1", null, "chat assistant", 0, 128.4, "ok", new() { ["gen_ai.request.model"] = "assistant", ["gen_ai.usage.input_tokens"] = 212L, ["pilothouse.arm"] = "stable" }),
        Span("aaaaaaaaaaaaaaa2", "aaaaaaaaaaaaaaa1", "render prompt", 0.4, 1.1, "ok", new() { ["prompt.version"] = 7L }),
        Span("aaaaaaaaaaaaaaa3", "aaaaaaaaaaaaaaa1", "retrieve documents", 1.4, 38.9, "error", new() { ["db.system"] = "postgresql", ["documents"] = 4L }, "timeout after 30 ms, retried"),
        Span("aaaaaaaaaaaaaaa4", "aaaaaaaaaaaaaaa3", "SELECT documents", 9, 37.2, "ok", new() { ["db.statement"] = "SELECT body FROM document ORDER BY embedding <-> $1 LIMIT 4" }),
        Span("aaaaaaaaaaaaaaa5", "aaaaaaaaaaaaaaa1", "generate", 39.4, 127.9, "ok", new() { ["gen_ai.response.finish_reasons"] = "stop", ["temperature"] = 0.0 }),
    ])
    {
        Context = new TraceContext("7", "support", "OK", "conversation-4471", "ann", "order-4471", ["0197a3c2f1d47e00a1b2c3d4e5f60718"], [new("support", "7")],
            new Dictionary<string, string> { ["channel"] = "web", ["mlflow.traceName"] = "chat assistant" }, new Dictionary<string, string> { ["mlflow.source.name"] = "serve.py", ["mlflow.trace_schema.version"] = "3" },
            [
                new("a-1", "helpful", "feedback", "false", null, "LLM_JUDGE", "judge-2", "It does not say how long a refund takes.", null, false, null, Ago(25), Ago(25)),
                new("a-2", "helpful", "feedback", "true", null, "HUMAN", "ann@example.test", "It does: five days.", null, true, "a-1", Ago(20), Ago(20)),
                new("a-3", "answer", "expectation", "Refunds take five days.", null, "HUMAN", "ann@example.test", null, null, true, null, Ago(20), Ago(20)),
                new("a-4", "grounded", "feedback", null, "TIMEOUT: the judge took too long", "CODE", "default", null, "aaaaaaaaaaaaaaa3", true, null, Ago(18), Ago(18)),
            ]),
    };

    /// <summary>Every kind of entry, one that runs elsewhere, and a model that follows an alias.</summary>
    public static LockFile Lock { get; } = LockFile.Create(
    [
        new LockEntry(LockKind.Data, "heldout") { Reference = "datasets:/support-heldout/2", Digest = Digest.Parse(Hex("a14")), Size = 182_044, Checkout = "data/heldout.jsonl" },
        new LockEntry(LockKind.Folder, "data/images with a rather long name/of many parts") { Digest = Digest.Parse(Hex("f0")), Size = 48_221_113_020, FileCount = 81_204 },
        new LockEntry(LockKind.File, "data/embeddings.bin") { Digest = Digest.Parse(Hex("f1")), Size = 8_120_334 },
        new LockEntry(LockKind.Model, "assistant") { Reference = "models:/assistant/4", Follows = "@champion", Digest = Digest.Parse(Hex("a11")), Size = 7_602_176 },
        new LockEntry(LockKind.Model, "judge") { Reference = "http://127.0.0.1:8080/v1#judge-2" },
        new LockEntry(LockKind.Prompt, "prompts/support.yaml") { Digest = Digest.Parse(Hex("a13")), Size = 412 },
        new LockEntry(LockKind.Suite, "support-quality") { Digest = Digest.Parse(Hex("51")) },
        new LockEntry(LockKind.Tool, "search") { Path = "tools/search.json", Digest = Digest.Parse(Hex("70")), Size = 912 },
    ]);

    /// <summary>A digest that begins with the given digits.</summary>
    public static string Hex(string start) => "sha256:" + (start + string.Concat(Enumerable.Repeat("9c4e7b2f", 8)))[..64];

    private static IReadOnlyList<ReleaseComponent> Components(int model, string seed) =>
    [
        new("model", "assistant", $"models:/assistant/{model}", Hex(seed + "1"), 7_602_176),
        new("model", "triage", "models:/triage/2", Hex(seed + "2"), 1_204_224),
        new("prompt", "support", "prompts:/support/7", Hex(seed + "3"), 412),
        new("dataset", "heldout", "datasets:/support-heldout/2", Hex(seed + "4"), 182_044),
        new("lock", "pilothouse.lock", "git:" + (model == 4 ? Commit : BaseCommit) + ":pilothouse.lock", Hex(seed + "6"), 2_213),
        new("code", Project, "git:" + (model == 4 ? Commit : BaseCommit), Hex(seed + "5"), 0),
    ];

    private static SpanRecord Span(string id, string? parent, string name, double fromMs, double toMs, string status, Dictionary<string, object?> attributes, string? message = null)
    {
        var start = Ago(30) * 1_000_000L;
        return new SpanRecord(TraceId, id, parent, name, "internal", start + (long)(fromMs * 1e6), start + (long)(toMs * 1e6), status, message, attributes, [], new Dictionary<string, object?>(), null);
    }
}
