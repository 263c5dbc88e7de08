using System.Text.Json;
using Pilothouse.EndToEnd.Tests.Locks;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Reproduce;

/// <summary>A real training, recorded and repeated: the triage classifier of the samples comes out the same to the bit.</summary>
public sealed class ReproduceTests
{
    private static readonly string Trainer = Path.Combine(AppContext.BaseDirectory, "tiny-models.dll");

    [Fact]
    public async Task A_training_is_reproduced_and_with_another_seed_it_differs_from_the_first_step()
    {
        await using var bench = await Workbench.StartAsync();
        var (project, run) = await TrainAsync(bench);

        var (code, output, error) = await bench.RunAsync(project, "reproduce", run.Id);

        Assert.True(code == 0, output + error);
        Assert.Contains("REPRODUCED: 6 points of 1 metric are the same to the bit. 3 of 3 output files are the same to the bit.", output, StringComparison.Ordinal);
        var verdict = Assert.Single(await bench.Server.Client.ListReproductionsAsync("run", run.Id, default));
        Assert.Equal(ReproductionVerdicts.Reproduced, verdict.Verdict);
        var repeated = (await bench.Server.Client.GetRunAsync(verdict.RunId!, default)).Run;
        Assert.Equal(run.Id, repeated.Tags[ReproductionTags.Reproduces]);
        Assert.Equal(run.Tags["mlflow.source.git.commit"], repeated.Tags["mlflow.source.git.commit"]);
        using var statement = JsonDocument.Parse(await (await bench.Server.Client.DownloadBlobAsync(verdict.StatementDigest, default)).ReadToEndAsync());
        Assert.Equal("REPRODUCED", statement.RootElement.GetProperty("predicate").GetProperty("verdict").GetString());
        Assert.Equal(run.Tags["mlflow.source.git.commit"], statement.RootElement.GetProperty("subject")[0].GetProperty("digest").GetProperty("gitCommit").GetString());

        var other = await bench.RunAsync(project, "reproduce", run.Id, "--seed", "13");
        Assert.True(other.Code == 1, other.Out + other.Error);
        Assert.Contains("DIFFERS: loss first differs at step 1: ", other.Out, StringComparison.Ordinal);
        Assert.Single(await bench.Server.Client.ListReproductionsAsync("run", run.Id, default));

        var loose = await bench.RunAsync(project, "reproduce", run.Id, "--seed", "13", "--tolerance", "lo*=50%");
        Assert.True(loose.Code == 0, loose.Out + loose.Error);
    }

    [Fact]
    public async Task Without_a_content_it_cannot_and_names_the_digest()
    {
        await using var bench = await Workbench.StartAsync();
        var (_, run) = await TrainAsync(bench);
        var digest = (await bench.Server.Client.UploadFileAsync(Path.Combine(bench.Home("ann"), "shop", "extra.bin"), default)).Digest;
        File.Delete(Directory.EnumerateFiles(bench.Server.DataPath, digest[9..], SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(bench.Server.DataPath, digest[11..], SearchOption.AllDirectories)).Concat(Directory.EnumerateFiles(bench.Server.DataPath, digest[7..], SearchOption.AllDirectories)).First());

        // Somebody else, without the first one's repository and cache.
        var (code, output, error) = await bench.RunAsync(bench.Home("bob"), "reproduce", run.Id);

        Assert.True(code == 3, output + error);
        Assert.Contains($"missing      content {digest}: extra.bin", output, StringComparison.Ordinal);
        var verdict = Assert.Single(await bench.Server.Client.ListReproductionsAsync("run", run.Id, default));
        Assert.Equal((ReproductionVerdicts.Cannot, null), (verdict.Verdict, verdict.RunId));
        Assert.Contains(digest, Assert.Single((await bench.Server.Client.GetReproductionAsync(verdict.Id, default)).Report.Missing!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diff_untracked_files_inputs_and_subdirectory_come_back()
    {
        await using var bench = await Workbench.StartAsync();
        var project = await ProjectAsync(bench);
        var work = Directory.CreateDirectory(Path.Combine(project, "jobs")).FullName;
        await File.WriteAllTextAsync(Path.Combine(work, "say.sh"), "cat ../code.txt new.txt ../input.dat > out.txt\n");
        await File.WriteAllTextAsync(Path.Combine(project, "code.txt"), "committed\n");
        await File.AppendAllTextAsync(Path.Combine(project, ".gitignore"), "out.txt\ninput.dat\n");
        await CommitAsync(bench, project, "Job");
        await File.WriteAllTextAsync(Path.Combine(project, "code.txt"), "changed\n");
        await File.WriteAllTextAsync(Path.Combine(work, "new.txt"), "untracked\n");
        await File.WriteAllTextAsync(Path.Combine(project, "input.dat"), "input\n");
        await bench.OkAsync(work, "run", "--name", "say", "--output", "out.txt", "--input", "../input.dat", "--", "sh", "say.sh");
        var run = await FindAsync(bench, "say");
        await File.WriteAllTextAsync(Path.Combine(project, "input.dat"), "other\n");

        var (code, output, error) = await bench.RunAsync(bench.Home("bob"), "reproduce", run.Id, "--keep");

        Assert.True(code == 0, output + error);
        Assert.Contains("1 of 1 output files are the same to the bit", output, StringComparison.Ordinal);
        var kept = error.Split('\n').First(l => l.Contains("kept ", StringComparison.Ordinal)).Split("kept ")[1].Trim();
        Assert.Equal("changed\nuntracked\ninput\n", await File.ReadAllTextAsync(Path.Combine(kept, "jobs", "out.txt")));
        Directory.Delete(kept, recursive: true);
    }

    private static async Task<(string Project, RunSummary Run)> TrainAsync(Workbench bench)
    {
        var project = await ProjectAsync(bench);
        await File.WriteAllTextAsync(Path.Combine(project, "extra.bin"), "extra");
        await bench.OkAsync(project, "add", "extra.bin");
        await bench.OkAsync(project, "lock");
        await CommitAsync(bench, project, "Lock");
        await bench.OkAsync(project, "run", "--name", "triage", "--output", "out", "--", "dotnet", Trainer, "train", "--recipe", "triage-v1", "--out", "out", "--seed", "11");
        return (project, await FindAsync(bench, "triage"));
    }

    private static async Task<string> ProjectAsync(Workbench bench)
    {
        var project = Directory.CreateDirectory(Path.Combine(bench.Home("ann"), "shop")).FullName;
        await Workbench.GitAsync(project, "init", "-q", "-b", "main");
        await bench.OkAsync(project, "init", "shop");
        await File.WriteAllTextAsync(Path.Combine(project, ".gitignore"), "/out\n");
        await bench.Server.Client.CreateProjectAsync("shop", default);
        return project;
    }

    private static async Task CommitAsync(Workbench bench, string directory, string message)
    {
        await Workbench.GitAsync(directory, "add", "-A");
        await Workbench.GitAsync(directory, "commit", "-qm", message);
        await Workbench.GitAsync(directory, "push", "-q", bench.Url("shop"), "main");
    }

    private static async Task<RunSummary> FindAsync(Workbench bench, string name) => Assert.Single((await bench.Server.Client.SearchRunsAsync([], $"run_name = '{name}'", [], 10, null, default)).Items);
}

file static class Streams
{
    public static async Task<string> ReadToEndAsync(this Stream stream)
    {
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
