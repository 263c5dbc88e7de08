using System.Globalization;
using System.Text.RegularExpressions;

namespace Pilothouse.Demo;

/// <summary>The demo's working copy: the sample project, committed in versions as a team would.</summary>
/// <param name="directory">Working copy.</param>
/// <param name="name">Name of the project on the server.</param>
internal sealed partial class DemoProject(Tool tool, string sample, string directory, string name, string webhook)
{
    private static readonly string[] Folders = ["data", "prompts"];

    public async Task CreateAsync(Uri remote, CancellationToken ct)
    {
        foreach (var folder in Folders)
            foreach (var file in Directory.EnumerateFiles(Path.Combine(sample, folder), "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(directory, Path.GetRelativePath(sample, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target, overwrite: true);
            }
        await tool.GitAsync(ct, "init", "--quiet", "--initial-branch=main");
        await tool.GitAsync(ct, "remote", "add", "pilothouse", remote.ToString());
    }

    /// <summary>Commits the project file with these model versions and pushes it.</summary>
    /// <param name="require">Evidence that production demands from this commit on.</param>
    /// <returns>The commit, abbreviated to 12 digits.</returns>
    public async Task<string> CommitAsync(int assistant, int triage, string require, string message, CancellationToken ct)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(sample, "pilothouse.yaml"), ct);
        text = ProjectLine().Replace(text, $"project: {name}", 1);
        text = WebhookUrl().Replace(text, $"webhook: \"{webhook}\"");
        text = SetVersion(SetVersion(text, "assistant", assistant), "triage", triage);
        text = RolloutLine().Replace(text, $"    require: {require}\n    rollout: {{ steps: [10, 50, 100], interval: 2s, min_requests: 25, monitors: [answers-stay-on-topic] }}");
        await File.WriteAllTextAsync(Path.Combine(directory, "pilothouse.yaml"), text, ct);
        await tool.GitAsync(ct, "add", "-A");
        await tool.GitAsync(ct, "commit", "--quiet", "-m", message);
        await tool.GitAsync(ct, "push", "--quiet", "pilothouse", "main");
        return (await tool.GitAsync(ct, "rev-parse", "--short=12", "HEAD")).Text.Trim();
    }

    // models:\n  assistant:\n    kind: generative\n    engine: onnx\n    version: 2
    private static string SetVersion(string yaml, string model, int version) =>
        Regex.Replace(yaml, $@"(^  {model}:\n(?:    .*\n)*?    version: )\d+", "${1}" + version.ToString(CultureInfo.InvariantCulture), RegexOptions.Multiline);

    [GeneratedRegex("^project: .*$", RegexOptions.Multiline)]
    private static partial Regex ProjectLine();

    [GeneratedRegex("webhook: \"[^\"]*\"")]
    private static partial Regex WebhookUrl();

    [GeneratedRegex(@"^    (require: .*\n    )?rollout: .*$", RegexOptions.Multiline)]
    private static partial Regex RolloutLine();
}
