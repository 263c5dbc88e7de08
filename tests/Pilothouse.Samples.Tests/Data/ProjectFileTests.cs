using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Samples.Tests.Data;

public sealed class ProjectFileTests
{
    [Fact]
    public void Project_file_has_no_fault_and_its_data_files_exist()
    {
        var result = ProjectFileReader.Parse(File.ReadAllText(Path.Combine(SampleFiles.Project, "pilothouse.yaml")));
        Assert.Empty(result.Faults);
        Assert.All(result.File!.Data.Values, data => Assert.True(File.Exists(Path.Combine(SampleFiles.Project, data.Path!))));
    }

    [Fact]
    public void Prompt_file_has_no_fault()
    {
        var result = PromptFileReader.Parse(File.ReadAllText(Path.Combine(SampleFiles.Project, "prompts", "support.yaml")));
        Assert.Empty(result.Faults);
        Assert.Equal(["input"], result.File!.Variables);
    }
}
