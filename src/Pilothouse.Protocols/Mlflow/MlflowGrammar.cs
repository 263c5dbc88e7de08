using System.Collections.Frozen;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>What can be said about an attribute.</summary>
internal enum AttributeKind
{
    Text,

    /// <summary>Text that may also be compared with a list.</summary>
    Id,
    Number,

    /// <summary>A number that MLflow also lets be compared with a text, which then matches nothing.</summary>
    LooseNumber,
}

/// <summary>The keys and operators of one kind of search. The syntax is the same for all.</summary>
public sealed partial class MlflowGrammar
{
    private static readonly (string, string)[] RunAliases =
    [
        ("created", "start_time"), ("Created", "start_time"), ("Run name", "run_name"), ("Run Name", "run_name"), ("run name", "run_name"),
    ];

    private MlflowGrammar(
        IEnumerable<(string Key, AttributeKind Kind)> attributes,
        IEnumerable<(string Alias, string Key)> aliases,
        IEnumerable<(string Prefix, MlflowEntity Entity)> prefixes,
        IEnumerable<string> order)
    {
        Attributes = attributes.ToFrozenDictionary(a => a.Key, a => a.Kind, StringComparer.Ordinal);
        Aliases = aliases.ToFrozenDictionary(a => a.Alias, a => a.Key, StringComparer.Ordinal);
        Prefixes = prefixes.ToFrozenDictionary(p => p.Prefix, p => p.Entity, StringComparer.Ordinal);
        OrderKeys = order.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary><c>runs/search</c>.</summary>
    public static MlflowGrammar Runs { get; } = new(
        [
            ("run_id", AttributeKind.Id), ("run_name", AttributeKind.Text), ("user_id", AttributeKind.Text), ("status", AttributeKind.Text),
            ("artifact_uri", AttributeKind.Text), ("start_time", AttributeKind.Number), ("end_time", AttributeKind.Number),
        ],
        RunAliases,
        [
            ("metric", MlflowEntity.Metric), ("metrics", MlflowEntity.Metric),
            ("param", MlflowEntity.Param), ("params", MlflowEntity.Param), ("parameter", MlflowEntity.Param), ("parameters", MlflowEntity.Param),
            ("tag", MlflowEntity.Tag), ("tags", MlflowEntity.Tag),
            ("attribute", MlflowEntity.Attribute), ("attributes", MlflowEntity.Attribute), ("attr", MlflowEntity.Attribute), ("run", MlflowEntity.Attribute),
            ("dataset", MlflowEntity.Dataset), ("datasets", MlflowEntity.Dataset),
        ],
        // By alias only 'created': the rest of the aliases filter but do not order, as in MLflow.
        ["run_id", "run_name", "user_id", "status", "artifact_uri", "start_time", "end_time", "created", "Created"])
    {
        OrdersByEntity = true,
    };

    /// <summary><c>experiments/search</c>.</summary>
    public static MlflowGrammar Experiments { get; } = new(
        [("name", AttributeKind.Text), ("creation_time", AttributeKind.Number), ("last_update_time", AttributeKind.Number)],
        [],
        [("attribute", MlflowEntity.Attribute), ("tag", MlflowEntity.Tag), ("tags", MlflowEntity.Tag)],
        ["name", "experiment_id", "creation_time", "last_update_time"]);

    /// <summary><c>registered-models/search</c>.</summary>
    public static MlflowGrammar RegisteredModels { get; } = new(
        [("name", AttributeKind.Text)],
        [("timestamp", "last_updated_timestamp")],
        [("attribute", MlflowEntity.Attribute), ("tag", MlflowEntity.Tag), ("tags", MlflowEntity.Tag)],
        ["name", "timestamp", "last_updated_timestamp"]);

    /// <summary><c>model-versions/search</c>.</summary>
    public static MlflowGrammar ModelVersions { get; } = new(
        [("name", AttributeKind.Text), ("source_path", AttributeKind.Text), ("run_id", AttributeKind.Id), ("version_number", AttributeKind.LooseNumber)],
        [],
        [("attribute", MlflowEntity.Attribute), ("tag", MlflowEntity.Tag), ("tags", MlflowEntity.Tag)],
        ["name", "version_number", "creation_timestamp", "last_updated_timestamp"]);

    /// <summary><c>logged-models/search</c>.</summary>
    public static MlflowGrammar LoggedModels { get; } = new(
        [
            ("model_id", AttributeKind.Id), ("experiment_id", AttributeKind.Id), ("name", AttributeKind.Id), ("model_type", AttributeKind.Id), ("source_run_id", AttributeKind.Id),
            ("status", AttributeKind.Id), ("artifact_location", AttributeKind.Id), ("lifecycle_stage", AttributeKind.Id),
            ("creation_timestamp_ms", AttributeKind.Number), ("last_updated_timestamp_ms", AttributeKind.Number),
        ],
        [
            ("creation_timestamp", "creation_timestamp_ms"), ("creation_time", "creation_timestamp_ms"), ("last_updated_timestamp", "last_updated_timestamp_ms"),
        ],
        [("attributes", MlflowEntity.Attribute), ("metrics", MlflowEntity.Metric), ("params", MlflowEntity.Param), ("tags", MlflowEntity.Tag)],
        ["model_id", "experiment_id", "name", "model_type", "source_run_id", "status", "artifact_location", "lifecycle_stage", "creation_timestamp_ms", "last_updated_timestamp_ms"])
    {
        Rule = static (c, kind) => c.Operator switch
        {
            MlflowOperator.Equal or MlflowOperator.NotEqual => true,
            MlflowOperator.Less or MlflowOperator.LessOrEqual or MlflowOperator.Greater or MlflowOperator.GreaterOrEqual => kind == AttributeKind.Number,
            MlflowOperator.Like or MlflowOperator.ILike or MlflowOperator.In or MlflowOperator.NotIn => kind != AttributeKind.Number,
            _ => false,
        },
    };

    internal FrozenDictionary<string, AttributeKind> Attributes { get; }

    internal FrozenDictionary<string, string> Aliases { get; }

    internal FrozenDictionary<string, MlflowEntity> Prefixes { get; }

    internal FrozenSet<string> OrderKeys { get; }

    internal bool OrdersByEntity { get; private init; }

    /// <summary>Decides whether an operator fits; null = the rules of runs.</summary>
    internal Func<MlflowComparison, AttributeKind, bool>? Rule { get; private init; }

    /// <summary>Attributes that cannot be written without a prefix.</summary>
    internal FrozenSet<string> NeedPrefix { get; private init; } = [];

    /// <summary>The name of an attribute for one of its aliases: <c>created</c> is <c>start_time</c>.</summary>
    public string Canonical(string attribute) => Aliases.GetValueOrDefault(attribute, attribute);
}
