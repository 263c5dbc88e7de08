using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Deployments.Api;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Modules.Fairness.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>Answers the pages' questions from <see cref="SampleWorld"/>. A proxy: an interface that gains a method does not break it.</summary>
internal static class SampleServices
{
    public static void AddTo(IServiceCollection services)
    {
        services.AddSingleton(Of<IDeployments>(new()
        {
            [nameof(IDeployments.EnvironmentsAsync)] = _ => Later<IReadOnlyList<EnvironmentState>>([SampleWorld.State]),
            [nameof(IDeployments.RolloutsAsync)] = _ => Later(SampleWorld.History),
            [nameof(IDeployments.WhatAsync)] = a => (string?)a[0] == SampleWorld.Project && (string?)a[1] == SampleWorld.Environment
                ? Later(SampleWorld.Custody) : Task.FromException<Custody>(new PilothouseException(ErrorCode.NotFound, $"Nothing was ever deployed to '{a[0]}/{a[1]}'.")),
        }));
        services.AddSingleton(Of<IEvaluations>(new()
        {
            [nameof(IEvaluations.GetAsync)] = _ => Later(SampleWorld.Evaluation),
            [nameof(IEvaluations.ListAsync)] = _ => Later(new Page<EvaluationSummary>([SampleWorld.Evaluation.Summary], null)),
        }));
        services.AddSingleton(Of<IEvaluationCases>(new()
        {
            [nameof(IEvaluationCases.CasesAsync)] = _ => Later(new Page<EvaluationCase>(SampleWorld.Cases, "next")),
            [nameof(IEvaluationCases.HistoryAsync)] = _ => Later<IReadOnlyList<CaseHistoryEntry>>([.. SampleWorld.Cases.Select((c, i) => new CaseHistoryEntry(SampleWorld.EvaluationId, i == 0 ? SampleWorld.Commit : SampleWorld.BaseCommit, SampleWorld.Evaluation.Summary.CreatedMs - 86_400_000L * i, c))]),
        }));
        services.AddSingleton(Of<IFairnessReports>(new()
        {
            [nameof(IFairnessReports.GetAsync)] = _ => Later(SampleWorld.Fairness),
            [nameof(IFairnessReports.ListAsync)] = _ => Later<IReadOnlyList<FairnessReport>>([SampleWorld.Fairness]),
        }));
        services.AddSingleton(Of<IMonitors>(new()
        {
            [nameof(IMonitors.ListAsync)] = _ => Later(SampleWorld.Monitors),
            ["ActiveAsync"] = _ => Later(SampleWorld.Monitors),
            [nameof(IMonitors.AlertsAsync)] = _ => Later(SampleWorld.Alerts),
        }));
        services.AddSingleton(Of<IReleases>(new()
        {
            [nameof(IReleases.GetAsync)] = a => Later(SampleWorld.Releases.FirstOrDefault(r => r.Digest == (string?)a[0]) ?? SampleWorld.Releases[0]),
            [nameof(IReleases.ListAsync)] = _ => Later(SampleWorld.Releases),
        }));
        services.AddSingleton(Of<IProjectLocks>(new()
        {
            [nameof(IProjectLocks.FindAsync)] = _ => Later<LockFile?>(SampleWorld.Lock),
        }));
        services.AddSingleton(Of<IReleaseDiff>(new()
        {
            [nameof(IReleaseDiff.CompareAsync)] = a => Later(new ReleaseDiff((string)a[0]!, (string)a[1]!, "1 model changed, 1 prompt changed; 1 settings changed; 1 commits on", [],
            [
                new("model", "assistant", "changed", "models:/assistant/3", "models:/assistant/4", SampleWorld.Hex("a"), SampleWorld.Hex("b"), "32 of 291 tensors changed, only layers 24-31; tokenizer same; configuration same"),
                new("prompt", "prompts/support.yaml", "changed", "git:a", "git:b", SampleWorld.Hex("c"), SampleWorld.Hex("d"), "template: 1 lines added, 1 removed")
                {
                    Prompt = new PromptDiff("prompts/support.yaml", "prompts/support.yaml", "template: 1 lines added, 1 removed", [new("template", "changed", [new(" ", "You answer questions."), new("-", "Be brief."), new("+", "Be kind.")])], [], []),
                },
                new("dataset", "heldout", "same", "datasets:/support-heldout/2", "datasets:/support-heldout/2", SampleWorld.Hex("e"), SampleWorld.Hex("e"), null),
            ], [new("pilothouse.yaml", "models.assistant.parameters.temperature", "0", "0.2")], [new(SampleWorld.Commit, "Maria", SampleWorld.Ago(90), "Be kind")], false)),
        }));
        services.AddSingleton(Of<ITraces>(new()
        {
            [nameof(ITraces.GetAsync)] = _ => Later(SampleWorld.TraceDetail),
            [nameof(ITraces.ListAsync)] = _ => Later(new Page<TraceSummary>(
            [
                SampleWorld.Trace,
                SampleWorld.Trace with { TraceId = "7c" + SampleWorld.TraceId[2..], StartMs = SampleWorld.Ago(95), DurationMs = 61.02, Errors = 0, Input = "Where is my parcel?", Output = "Your parcel is on its way." },
            ], null)),
        }));
    }

    /// <summary>As a database does: the answer is not there yet when the call returns.</summary>
    private static async Task<T> Later<T>(T answer)
    {
        await Task.Yield();
        return answer;
    }

    private static T Of<T>(Dictionary<string, Func<object?[], object>> answers) where T : class
    {
        var proxy = DispatchProxy.Create<T, SampleProxy>();
        ((SampleProxy)(object)proxy).Answers = answers;
        return proxy;
    }
}

/// <summary>Answers by method name. Public and not sealed: the runtime derives from it.</summary>
public class SampleProxy : DispatchProxy
{
    internal Dictionary<string, Func<object?[], object>> Answers { get; set; } = [];

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        Answers.TryGetValue(targetMethod!.Name, out var answer) ? answer(args ?? []) : throw new NotSupportedException($"The sample world does not answer {targetMethod.Name}.");
}
