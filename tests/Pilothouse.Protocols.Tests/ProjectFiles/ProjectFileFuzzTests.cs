using CsCheck;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.ProjectFiles;

public sealed class ProjectFileFuzzTests
{
    [Fact]
    public void Mutated_project_file_gives_a_file_or_faults() =>
        Mutations.OnlyNamedErrors(Samples.Full, text => AssertResult(ProjectFileReader.Parse(text)));

    [Fact]
    public void Mutated_prompt_file_gives_a_file_or_faults() =>
        Mutations.OnlyNamedErrors(Samples.ChatPrompt, text => Assert.True(PromptFileReader.Parse(text) is { File: not null } or { Faults.Count: > 0 }));

    [Fact]
    public void Yaml_punctuation_soup_gives_faults() =>
        Gen.Char["[]{}:,-?&*!|>'\"%@` \n\tab0#~"].Array[0, 60].Select(c => new string(c))
            .Sample(text => AssertResult(ProjectFileReader.Parse(text)), iter: 20_000);

    private static void AssertResult(ProjectFileResult result) =>
        Assert.True(result is { File: not null, Faults.Count: 0 } or { File: null, Faults.Count: > 0 });
}
