using System.Text;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Fairness.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>Runs the fairness checks of a commit, one after the other, and stores the report as evidence.</summary>
internal sealed class FairnessService(IRepositories repositories, IProjectContent content, PronounPreference pronouns, GroupRates rates, FairnessStore store, IBlobStore blobs, Ids ids, TimeProvider time)
    : IFairnessReports
{
    private const int MaxList = 1_000;

    /// <inheritdoc/>
    /// <exception cref="PilothouseException">NotFound (project, commit, check, model, data), InvalidArgument (a row, by its line), UpstreamFailed (the engine).</exception>
    public async Task<FairnessReport> RunAsync(NewFairnessReport request, string actor, CancellationToken ct)
    {
        var commit = await repositories.ResolveAsync(request.Project, request.Commit, ct);
        var file = await repositories.ReadProjectFileAsync(request.Project, commit, ct);
        var checks = new List<FairnessCheck>();
        var uses = new List<(LineageNode, string)>();
        foreach (var name in Names(request, file)) checks.Add(await CheckAsync(request.Project, commit, file, name, uses, ct));
        var verdict = checks.Any(c => c.Verdict == "FAIL") ? "FAIL" : checks.Any(c => c.Verdict != "PASS") ? "INCONCLUSIVE" : "PASS";
        var report = new FairnessReport(ids.New(), request.Project, commit, verdict, checks, actor, time.NowMs(), null);
        report = report with { Digest = (await blobs.PutAsync(Encoding.UTF8.GetBytes(WireJson.Write(report)), ct)).Digest };
        await store.AddAsync(report, uses, ct);
        return report;
    }

    public Task<FairnessReport> GetAsync(string id, CancellationToken ct) => store.GetAsync(id, ct);

    public Task<IReadOnlyList<FairnessReport>> ListAsync(string? project, string? commit, int limit, CancellationToken ct) => store.ListAsync(project, commit, Math.Clamp(limit, 1, MaxList), ct);

    private static IReadOnlyList<string> Names(NewFairnessReport request, ProjectFile file)
    {
        if (file.Fairness.Count == 0) throw new PilothouseException(ErrorCode.FailedPrecondition, $"pilothouse.yaml of {request.Project} at {request.Commit} has no fairness checks. Add one under 'fairness:'.");
        if (request.Checks is not { Count: > 0 } names) return [.. file.Fairness.Keys];
        foreach (var name in names)
            if (!file.Fairness.ContainsKey(name)) throw new PilothouseException(ErrorCode.NotFound, $"There is no fairness check '{name}' at {request.Commit}; there are: {string.Join(", ", file.Fairness.Keys)}.");
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    private async Task<FairnessCheck> CheckAsync(string project, string commit, ProjectFile file, string name, List<(LineageNode, string)> uses, CancellationToken ct)
    {
        var entry = file.Fairness[name];
        var model = await content.ModelAsync(project, commit, entry.Model, file.Models[entry.Model], ct);
        if (LineageNode.FromReference(model.Reference) is { } version) uses.Add((version, "checked"));
        if (entry.Method == FairnessMethod.PronounPreference) return await pronouns.RunAsync(name, entry, model, ct);
        var data = await content.DataAsync(project, commit, entry.Data!, file.Data[entry.Data!], ct);
        if (LineageNode.FromReference(data.Reference) is { } dataset) uses.Add((dataset, "tested on"));
        return await rates.RunAsync(name, entry, model, data, ct);
    }
}
