using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Tokenizers;

namespace Pilothouse.Protocols.Tests.ProjectFiles;

/// <summary>The sample project of this repository is read by the readers it was made for.</summary>
public sealed class SampleProjectTests
{
    [Fact]
    public void Project_and_prompts_have_no_faults()
    {
        var project = ProjectFileReader.Parse(File.ReadAllText(Path.Combine(Root(), "pilothouse.yaml")));
        Assert.Empty(project.Faults);
        foreach (var prompt in project.File!.Models.Values.Select(m => m.Prompt).OfType<string>())
            Assert.Empty(PromptFileReader.Parse(File.ReadAllText(Path.Combine(Root(), prompt))).Faults);
    }

    [Fact]
    public void Models_are_readable()
    {
        var directories = Directory.GetDirectories(Path.Combine(Root(), "models"));
        Assert.NotEmpty(directories);
        foreach (var directory in directories)
        {
            if (Existing(directory, "model.safetensors") is { } weights)
                Assert.NotEmpty(SafetensorsHeader.Read(File.ReadAllBytes(weights)).Tensors);
            if (Existing(directory, "model.gguf") is { } gguf)
            {
                using var stream = File.OpenRead(gguf);
                Assert.Equal("llama", GgufHeader.Read(stream).Architecture);
            }

            if (Existing(directory, "tokenizer.json") is { } tokenizer)
            {
                var bpe = ByteLevelBpe.Load(File.ReadAllBytes(tokenizer));
                Assert.Equal("Where is my lamp? ä", bpe.Decode(bpe.Encode("Where is my lamp? ä")));
            }
        }
    }

    private static string? Existing(string directory, string name) => Path.Combine(directory, name) is var path && File.Exists(path) ? path : null;

    private static string Root()
    {
        var root = Path.Combine(TestPaths.RepositoryRoot, "samples", "support-assistant");
        if (!File.Exists(Path.Combine(root, "pilothouse.yaml")))
            Assert.Skip($"The sample project is not present: {root}");
        return root;
    }
}
