using System.Text.RegularExpressions;
using Pilothouse.Client;

namespace Pilothouse.Demo;

/// <summary>
/// The ten steps of the demo: two real models from commit to production and back. Everything goes through the public API, most of it through
/// the very commands a user would type; each step checks what it must have shown.
/// </summary>
internal sealed partial class DemoChain(DemoTerminal terminal, Tool tool, DemoProject project, PilothouseClient client, DemoPaths paths, string name, WebhookListener webhook)
{
    private static readonly TimeSpan RolloutLimit = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan DeliveryLimit = TimeSpan.FromSeconds(20);

    private string _run = "", _legacy = "", _balanced = "", _regressed = "", _fragile = "";

    public async Task RunAsync(CancellationToken ct)
    {
        await CreateProjectAsync(ct);
        await TrainAsync(ct);
        await RegisterAsync(ct);
        await CommitVersionsAsync(ct);
        await GateAsync(ct);
        await FairnessAsync(ct);
        var release = await PackageAsync(ct);
        await DeployAsync(release, ct);
        await DegradeAsync(ct);
        await CustodyAsync(ct);
        await AuditAsync(ct);
    }

    private async Task CreateProjectAsync(CancellationToken ct)
    {
        terminal.Step(1, "A project from a Git repository with pilothouse.yaml");
        var created = await tool.PilothouseAsync(ct, "project", "create", name);
        await project.CreateAsync(new Uri(client.Server, $"/git/{name}.git"), ct);
        terminal.Check(created.ExitCode == 0, $"stock git pushes to {client.Server}git/{name}.git");
    }

    private async Task TrainAsync(CancellationToken ct)
    {
        terminal.Step(2, "A short real training run, tracked live");
        var run = await tool.PilothouseAsync(ct, "run", "--experiment", name, "--name", "assistant-v2-short", "--",
            "dotnet", paths.Trainer, "train", "--recipe", "assistant-v2", "--steps", "40", "--out", Path.Combine(paths.Work, "short-run"));
        _run = RunId().Match(run.Text).Value;
        var id = _run;
        var losses = id.Length == 0 ? [] : (await client.MetricSeriesAsync(id, "loss", 1000, ct)).Values;
        terminal.Check(run.ExitCode == 0 && losses.Count > 1 && losses[^1] < losses[0],
            losses.Count > 1 ? $"loss fell from {losses[0]:0.00} to {losses[^1]:0.00}, {losses.Count} points logged while it ran: {client.Server}runs/{id}" : "the run logged its loss");
    }

    private async Task RegisterAsync(CancellationToken ct)
    {
        terminal.Step(3, "Models, prompts and data sets become versions with digests and lineage");
        var shown = true;
        foreach (var (file, dataset) in new[] { ("heldout", "support-heldout"), ("triage-heldout", "triage-heldout") })
            shown &= (await tool.PilothouseAsync(ct, "dataset", "register", dataset, Path.Combine(paths.Sample, "data", file + ".jsonl"), "--project", name)).ExitCode == 0;
        shown &= (await tool.PilothouseAsync(ct, "prompt", "register", "support", Path.Combine(paths.Sample, "prompts", "support.yaml"), "--project", name)).ExitCode == 0;

        for (var version = 1; version <= 4; version++)
        {
            // The weights are committed as safetensors; what ONNX Runtime loads is derived from them.
            var directory = paths.CopyModel($"assistant-v{version}");
            shown &= (await tool.RunAsync("dotnet", [paths.Trainer, "export", directory, "--onnx"], show: false, ct)).ExitCode == 0;
            shown &= (await tool.PilothouseAsync(ct, ["model", "register", "assistant", directory, "--kind", "generative", "--project", name, .. version == 1 ? Array.Empty<string>() : ["--base", "models:/assistant/1"]])).ExitCode == 0;
        }
        // The model of the run above: its lineage leads to the run, and from there to the commit and the parameters.
        var made = Path.Combine(paths.Work, "short-run");
        shown &= (await tool.RunAsync("dotnet", [paths.Trainer, "export", made, "--onnx"], show: false, ct)).ExitCode == 0;
        shown &= (await tool.PilothouseAsync(ct, "model", "register", "assistant-short", made, "--kind", "generative", "--project", name, "--run", _run, "--base", "models:/assistant/2")).ExitCode == 0;
        for (var version = 1; version <= 2; version++)
            shown &= (await tool.PilothouseAsync(ct, "model", "register", "triage", paths.CopyModel($"triage-v{version}"), "--kind", "classifier", "--project", name)).ExitCode == 0;
        terminal.Check(shown, "assistant 1-4 (generative) and triage 1-2 (classifier), each named by its content");
    }

    private async Task CommitVersionsAsync(CancellationToken ct)
    {
        _legacy = await project.CommitAsync(assistant: 1, triage: 1, "[evaluation]", "Assistant 1 and triage 1, as they always were", ct);
        _balanced = await project.CommitAsync(assistant: 2, triage: 2, "[evaluation, fairness]", "Assistant 2 and triage 2, trained on balanced data; production demands fairness", ct);
        _regressed = await project.CommitAsync(assistant: 3, triage: 2, "[evaluation, fairness]", "Assistant 3, a quicker training", ct);
    }

    private async Task GateAsync(CancellationToken ct)
    {
        terminal.Step(4, "Suites against the base line, with a paired statistical gate");
        await tool.PilothouseAsync(ct, "test", "--commit", _legacy, "--no-fairness");
        var better = await tool.PilothouseAsync(ct, "test", "--commit", _balanced, "--baseline", _legacy, "--no-fairness");
        terminal.Check(better.ExitCode == 0, "assistant 2 is not worse than assistant 1: PASS");
        var worse = await tool.PilothouseAsync(ct, "test", "--commit", _regressed, "--baseline", _balanced, "--no-fairness");
        terminal.Check(worse.ExitCode == 1, "assistant 3 is worse, and the gate says why: FAIL");
    }

    private async Task FairnessAsync(CancellationToken ct)
    {
        terminal.Step(5, "Fairness of both kinds of model, each figure with its confidence interval");
        var flagged = await tool.PilothouseAsync(ct, "fairness", "--commit", _legacy);
        terminal.Check(flagged.ExitCode == 1, "version 1 of both models is flagged");
        var fair = await tool.PilothouseAsync(ct, "fairness", "--commit", _balanced);
        terminal.Check(fair.ExitCode == 0, "version 2 of both models passes");
    }

    private async Task<string> PackageAsync(CancellationToken ct)
    {
        terminal.Step(6, "The release, packaged as an OCI layout with its evidence, without Docker");
        var layout = Path.Combine(paths.Work, "release");
        var packaged = await tool.PilothouseAsync(ct, "package", "--commit", _balanced, "--output", layout);
        var digest = Digest().Match(packaged.Text).Value;
        terminal.Check(packaged.ExitCode == 0 && File.Exists(Path.Combine(layout, "index.json")), $"{Directory.GetFiles(Path.Combine(layout, "blobs", "sha256")).Length} blobs, each re-hashed");
        await tool.PilothouseAsync(ct, "approve", digest, "--comment", "Gates and fairness pass; I read the discordant cases.");
        return digest;
    }

    private async Task DeployAsync(string release, CancellationToken ct)
    {
        terminal.Step(7, "To production on this machine: canary 10, 50, 100 % under live traffic");
        var legacy = Digest().Match((await tool.PilothouseAsync(ct, "release", "create", "--commit", _legacy)).Text).Value;
        var first = await tool.PilothouseAsync(ct, "deploy", "production", "--release", legacy, "--reason", "what ran before anybody measured fairness", "--wait");
        terminal.Check(first.ExitCode == 0, "an empty environment takes its first release at once");

        await using var traffic = new DemoTraffic(client.Server, $"{name}/production/assistant", await DemoTraffic.LoadAsync(Path.Combine(paths.Sample, "data", "live.jsonl"), ct));
        traffic.Start();
        var rollout = await RolloutAsync(release, "fair to all who ask", ct);
        terminal.Check(rollout.ExitCode == 0 && traffic.Failed == 0, $"{traffic.Answered} customers answered meanwhile, {traffic.Failed} errors");
    }

    private async Task DegradeAsync(CancellationToken ct)
    {
        terminal.Step(8, "A release that passes its gates, degrades on live traffic, and is taken back");
        _fragile = await project.CommitAsync(assistant: 4, triage: 2, "[evaluation, fairness]", "Assistant 4, trained on clean text only", ct);
        var gates = await tool.PilothouseAsync(ct, "test", "--commit", _fragile, "--baseline", "production");
        terminal.Check(gates.ExitCode == 0, "gates and fairness pass: nothing known says no");
        var release = Digest().Match((await tool.PilothouseAsync(ct, "release", "create", "--commit", _fragile)).Text).Value;

        var live = await DemoTraffic.LoadAsync(Path.Combine(paths.Sample, "data", "live.jsonl"), ct);
        var drifted = await DemoTraffic.LoadAsync(Path.Combine(paths.Sample, "data", "live-drifted.jsonl"), ct);
        await using var traffic = new DemoTraffic(client.Server, $"{name}/production/assistant", live);
        traffic.Start();
        terminal.Note("    customers begin to write otherwise: typos, cities nobody has seen");
        traffic.Change(drifted);
        var rollout = await RolloutAsync(release, "smaller training set", ct);
        terminal.Check(rollout.ExitCode == 1, "the monitor noticed and the rollout was taken back by itself");
        using var delivered = CancellationTokenSource.CreateLinkedTokenSource(ct);
        delivered.CancelAfter(DeliveryLimit);
        while (webhook.IsQuiet && !delivered.IsCancellationRequested) await Task.Delay(100, ct);
        terminal.Check(!webhook.IsQuiet, "the webhook was delivered: " + webhook.Received.FirstOrDefault());
    }

    private async Task CustodyAsync(CancellationToken ct)
    {
        terminal.Step(9, "What is in production, and why");
        var what = await tool.PilothouseAsync(ct, "what", "production", "--why");
        terminal.Check(what.ExitCode == 0 && what.Text.Contains(_balanced, StringComparison.Ordinal), $"commit {_balanced} is back, with its whole chain of custody");
    }

    private async Task AuditAsync(CancellationToken ct)
    {
        terminal.Step(10, "The audit log proves itself, and betrays a tampered copy");
        var log = Path.Combine(paths.Work, "audit.jsonl");
        var intact = await tool.PilothouseAsync(ct, "audit", "verify");
        await tool.PilothouseAsync(ct, "audit", "export", "--output", log);
        terminal.Check(intact.ExitCode == 0, "every entry and the chain re-computed");
        var tampered = Path.Combine(paths.Work, "audit-tampered.jsonl");
        var text = await File.ReadAllTextAsync(log, ct);
        var at = text.IndexOf("environment.deploy", StringComparison.Ordinal);
        await File.WriteAllTextAsync(tampered, at < 0 ? text : text[..at] + "environment.denied" + text[(at + "environment.denied".Length)..], ct);
        var betrayed = await tool.PilothouseAsync(ct, "audit", "verify", "--file", tampered);
        terminal.Check(betrayed.ExitCode == 1, "one word changed in a copy: detected, and where");
    }

    private async Task<Outcome> RolloutAsync(string release, string reason, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(RolloutLimit);
        return await tool.PilothouseAsync(limit.Token, "deploy", "production", "--release", release, "--reason", reason, "--wait");
    }

    [GeneratedRegex("sha256:[0-9a-f]{64}")]
    private static partial Regex Digest();

    [GeneratedRegex("[0-9a-f]{32}")]
    private static partial Regex RunId();
}
