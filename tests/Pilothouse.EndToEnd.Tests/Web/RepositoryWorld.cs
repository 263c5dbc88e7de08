using System.Globalization;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>A small repository as a project has it: code, a prompt, a card, a picture, weights in LFS, branches and tags, a merge.</summary>
internal static class RepositoryWorld
{
    private const string Train = """
        import math
        import random


        def train(rows, lr=0.01, epochs=3, seed=7):
            # One pass over the rows an epoch, in an order that the seed decides.
            random.seed(seed)
            weights = {}
            for epoch in range(epochs):
                random.shuffle(rows)
                for features, label in rows:
                    score = sum(weights.get(f, 0.0) for f in features)
                    error = label - 1 / (1 + math.exp(-score))
                    for f in features:
                        weights[f] = weights.get(f, 0.0) + lr * error
            return weights

        """;

    /// <returns>The newest commit.</returns>
    public static async Task<string> PushAsync(Uri server, string project)
    {
        var work = Directory.CreateTempSubdirectory("pilothouse-repository-");
        try
        {
            var at = SampleWorld.Now.AddDays(-9);
            await GitAsync("init", "-q", "-b", "main");
            await GitAsync("lfs", "install", "--local");
            await WriteAsync(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
            await WriteAsync("README.md", "# Support assistant\n\nAnswers questions of customers. See [the card](docs/card.md).\n\n| Part | Where |\n|---|---|\n| prompt | `prompts/support.md` |\n| weights | `models/` |\n\n![Loss](docs/loss.png)\n");
            await WriteAsync("src/train.py", Train);
            await WriteAsync("prompts/support.md", "You answer questions of customers.\n");
            await CommitAsync("Train the assistant");
            (await Shell.RunAsync(work.FullName, "env", "GIT_COMMITTER_DATE=2026-09-06T19:00:00Z", "git", "tag", "-a", "-m", "First release", "v1")).Succeeded();
            await WriteAsync("docs/card.md", "# Model card\n\n## Intended use\nAnswers of up to 60 words to customers.\n\n## Limits\n* English only\n* knows nothing of orders\n");
            File.Copy(Path.Combine(RepoRoot.Path, "src", "Pilothouse.Web", "wwwroot", "img", "icon.svg"), Make("docs/icon.svg"));
            await File.WriteAllBytesAsync(Make("docs/loss.png"), Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGklEQVR4nGNIWHiAJMQwqmFUw6iGUQ20dRUAVbxVH8gl2nAAAAAASUVORK5CYII="));
            await CommitAsync("Describe the model");
            await GitAsync("switch", "-q", "-c", "shorter-answers");
            await WriteAsync("prompts/support.md", "You answer questions of customers.\nAnswer in at most 60 words.\n");
            await CommitAsync("Shorter answers");
            await GitAsync("switch", "-q", "main");
            await WriteAsync("src/train.py", Train.Replace("lr=0.01, epochs=3", "lr=0.02, epochs=5, decay=0.9", StringComparison.Ordinal).Replace("    return weights", "        lr *= decay\n    return weights", StringComparison.Ordinal));
            var noise = new byte[300_000];
            new Random(3).NextBytes(noise);
            await File.WriteAllBytesAsync(Make("models/weights.bin"), noise);
            await CommitAsync("Decay of the learning rate, and the weights that came of it");
            await GitAsync("merge", "-q", "--no-ff", "-m", "Merge branch 'shorter-answers'", "shorter-answers");
            await GitAsync("mv", "docs/card.md", "docs/model-card.md");
            await WriteAsync("docs/card.md", "# Model card\n\nMoved to [model-card.md](model-card.md).\n");
            await WriteAsync("src/train.py", await File.ReadAllTextAsync(Make("src/train.py")) + "\n\nif __name__ == \"__main__\":\n    print(len(train([([\"a\", \"b\"], 1), ([\"c\"], 0)])), \"weights\")\n");
            await CommitAsync("Run it from the command line; the card moves\n\nThe old place leads to the new one.");
            await GitAsync("push", "-q", new Uri(server, $"/git/{project}.git").ToString(), "main", "shorter-answers", "v1");
            return (await GitAsync("rev-parse", "HEAD")).Trim();

            async Task CommitAsync(string message)
            {
                at = at.AddHours(31);
                await GitAsync("add", "-A");
                var date = at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
                (await Shell.RunAsync(work.FullName, "env", $"GIT_AUTHOR_DATE={date}", $"GIT_COMMITTER_DATE={date}", "git", "commit", "-q", "-m", message)).Succeeded();
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }

        async Task<string> GitAsync(params string[] arguments) => (await Shell.RunAsync(work.FullName, "git", arguments)).Succeeded();

        Task WriteAsync(string file, string text) => File.WriteAllTextAsync(Make(file), text);

        string Make(string file)
        {
            var path = Path.Combine(work.FullName, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            return path;
        }
    }
}
