using System.Collections.Frozen;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>The searches of tracing and evaluation.</summary>
public sealed partial class MlflowGrammar
{
    /// <summary><c>traces/search</c>, for example <c>status = 'OK' AND span.type = 'LLM' AND feedback.quality = 'good'</c>.</summary>
    public static MlflowGrammar Traces { get; } = new(
        [
            ("request_id", AttributeKind.Id), ("client_request_id", AttributeKind.Id), ("name", AttributeKind.Id), ("run_id", AttributeKind.Id), ("status", AttributeKind.Id),
            ("prompt", AttributeKind.Text), ("text", AttributeKind.Text),
            ("timestamp_ms", AttributeKind.LooseNumber), ("execution_time_ms", AttributeKind.LooseNumber), ("end_time_ms", AttributeKind.LooseNumber),
        ],
        [("timestamp", "timestamp_ms"), ("execution_time", "execution_time_ms"), ("end_time", "end_time_ms")],
        [
            ("attribute", MlflowEntity.Attribute), ("attributes", MlflowEntity.Attribute), ("trace", MlflowEntity.Attribute),
            ("tag", MlflowEntity.Tag), ("tags", MlflowEntity.Tag),
            ("metadata", MlflowEntity.Metadata), ("request_metadata", MlflowEntity.Metadata),
            ("span", MlflowEntity.Span), ("feedback", MlflowEntity.Feedback), ("expectation", MlflowEntity.Expectation), ("issue", MlflowEntity.Issue),
        ],
        ["experiment_id", "timestamp", "timestamp_ms", "execution_time", "execution_time_ms", "end_time", "end_time_ms", "status", "request_id", "name", "run_id"])
    {
        OrdersByEntity = true,
        Rule = TraceRule,
        NeedPrefix = FrozenSet.Create("text"),
    };

    /// <summary><c>datasets/search</c>.</summary>
    public static MlflowGrammar EvaluationDatasets { get; } = new(
        [
            ("name", AttributeKind.Text), ("created_by", AttributeKind.Text), ("last_updated_by", AttributeKind.Text),
            ("created_time", AttributeKind.Number), ("last_update_time", AttributeKind.Number),
        ],
        [],
        [("attribute", MlflowEntity.Attribute), ("attributes", MlflowEntity.Attribute), ("tag", MlflowEntity.Tag), ("tags", MlflowEntity.Tag)],
        ["name", "created_time", "last_update_time"])
    {
        Rule = static (c, kind) => c.Operator switch
        {
            MlflowOperator.Like or MlflowOperator.ILike => kind == AttributeKind.Text,
            MlflowOperator.IsNull or MlflowOperator.IsNotNull => c.Entity == MlflowEntity.Tag,
            MlflowOperator.In or MlflowOperator.NotIn or MlflowOperator.RLike => false,
            _ => true, // texts can be compared by < and > as well
        },
    };

    /// <summary><c>issues/search</c>.</summary>
    public static MlflowGrammar Issues { get; } = new([("status", AttributeKind.Text), ("source_run_id", AttributeKind.Text)], [], [("attribute", MlflowEntity.Attribute)], [])
    {
        Rule = static (c, _) => c.Operator is MlflowOperator.Equal or MlflowOperator.NotEqual,
    };

    private static bool TraceRule(MlflowComparison c, AttributeKind kind)
    {
        var isOrder = c.Operator is MlflowOperator.Less or MlflowOperator.LessOrEqual or MlflowOperator.Greater or MlflowOperator.GreaterOrEqual;
        var isEqual = c.Operator is MlflowOperator.Equal or MlflowOperator.NotEqual;
        var isLike = c.Operator is MlflowOperator.Like or MlflowOperator.ILike;
        var isPattern = isLike || c.Operator == MlflowOperator.RLike;
        var isList = c.Operator is MlflowOperator.In or MlflowOperator.NotIn;
        var isNull = c.Operator is MlflowOperator.IsNull or MlflowOperator.IsNotNull;
        return c.Entity switch
        {
            MlflowEntity.Attribute when kind == AttributeKind.LooseNumber => isEqual || isOrder,
            MlflowEntity.Attribute when c.Key == "prompt" => c.Operator == MlflowOperator.Equal,
            MlflowEntity.Attribute when c.Key == "text" => isLike,
            MlflowEntity.Attribute => isEqual || isPattern || isList,
            MlflowEntity.Span when c.Key == "content" => isLike,
            MlflowEntity.Span => isEqual || isPattern || isList,
            MlflowEntity.Issue => c.Key == "id" && c.Operator == MlflowOperator.Equal,
            _ => isEqual || isPattern || isNull,
        };
    }
}
