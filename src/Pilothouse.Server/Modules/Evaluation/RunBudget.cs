using System.Globalization;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>A cap was reached; the message says which and how far the evaluation came.</summary>
internal sealed class BudgetSpentException(string message) : Exception(message);

/// <summary>Counts what one evaluation spends. Calls under way when a cap is reached are still paid for: at most as many as run at once.</summary>
internal sealed class RunBudget(EvaluationBudget? caps, TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();
    private readonly Lock _gate = new();
    private long _tokens;
    private double _cost;

    /// <exception cref="BudgetSpentException">A cap is reached.</exception>
    public void Require()
    {
        if (caps is null) return;
        lock (_gate)
        {
            if (caps.MaxTokens is { } tokens && _tokens >= tokens) throw new BudgetSpentException(string.Create(CultureInfo.InvariantCulture, $"{_tokens} of {tokens} tokens (max_tokens) are spent."));
            if (caps.MaxCost is { } cost && _cost >= cost) throw new BudgetSpentException(string.Create(CultureInfo.InvariantCulture, $"{_cost:0.######} of {cost:0.######} (max_cost) is spent."));
        }
        if (caps.MaxSeconds is { } seconds && time.GetElapsedTime(_started).TotalSeconds >= seconds) throw new BudgetSpentException($"{seconds} s (max_seconds) are over.");
    }

    public void Add(CallUsage? usage, TokenPrice? price)
    {
        if (usage is null) return;
        lock (_gate)
        {
            _tokens += usage.PromptTokens + usage.CompletionTokens;
            _cost += usage.Cost(price) ?? 0;
        }
    }
}
