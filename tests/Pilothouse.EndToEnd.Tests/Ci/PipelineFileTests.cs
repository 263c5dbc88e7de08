using Pilothouse.Protocols.Ci;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>What <c>ci init</c> writes is right in the eyes of the systems' own schemas and parsers, and what we refuse they refuse too.</summary>
public sealed class PipelineFileTests : IDisposable
{
    private const string Compile = """
        import org.codehaus.groovy.control.*
        args.each { file ->
            def unit = new CompilationUnit()
            unit.addSource(new File(file))
            try { unit.compile(Phases.CONVERSION); println "OK $file" } catch (CompilationFailedException e) { println "NO $file " + e.message.replace('\n', ' ') }
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pilothouse-ci-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(CiSystem.CircleCi, "circleci.json")]
    [InlineData(CiSystem.Travis, "travis.json")]
    [InlineData(CiSystem.GitHub, "github.json")]
    public async Task The_systems_schema_accepts_ours(CiSystem system, string schema)
    {
        var files = new List<string>();
        foreach (var baseline in (string?[])["production", null]) files.Add(Write(system, $"{files.Count}.yml", baseline, text => text));
        Assert.All(await CiTools.ValidateAsync(schema, files), r => Assert.True(r.Ok, r.Line));
    }

    [Theory]
    [InlineData(CiSystem.CircleCi, "circleci.json", "          command: sh .pilothouse/ci.sh test\n", "")]
    [InlineData(CiSystem.CircleCi, "circleci.json", "version: 2.1\n", "")]
    [InlineData(CiSystem.CircleCi, "circleci.json", "      - image: mcr", "      - imgae: mcr")]
    [InlineData(CiSystem.Travis, "travis.json", "language: generic", "language: fortran")]
    [InlineData(CiSystem.Travis, "travis.json", "  depth: false", "  depth: [1]")]
    [InlineData(CiSystem.GitHub, "github.json", "  push:\n", "  psuh:\n")]
    [InlineData(CiSystem.GitHub, "github.json", "    runs-on: ubuntu-latest\n", "")]
    [InlineData(CiSystem.GitHub, "github.json", "    timeout-minutes: 60", "    timeout-minutes: long")]
    [InlineData(CiSystem.GitHub, "github.json", "contents: read", "contents: reed")]
    public async Task What_the_schema_refuses_we_refuse(CiSystem system, string schema, string right, string wrong)
    {
        var file = Write(system, "wrong.yml", "production", text => text.Replace(right, wrong, StringComparison.Ordinal));
        Assert.False((await CiTools.ValidateAsync(schema, [file]))[0].Ok);
        Assert.NotEmpty(CiLint.Check(system, await File.ReadAllTextAsync(file)));
    }

    [Fact]
    public async Task Groovy_that_Jenkins_uses_agrees_on_syntax()
    {
        Assert.SkipUnless(Shell.Has("groovy") && Shell.Has("java"), "groovy is not installed.");
        var good = Write(CiSystem.Jenkins, "good.groovy", "production", t => t);
        string[] bad =
        [
            Write(CiSystem.Jenkins, "1.groovy", "production", t => t.Replace("ci.sh test'", "ci.sh test", StringComparison.Ordinal)),
            Write(CiSystem.Jenkins, "2.groovy", "production", t => t.Replace("'MINUTES')", "'MINUTES'", StringComparison.Ordinal)),
            Write(CiSystem.Jenkins, "3.groovy", "production", t => t.TrimEnd()[..^1]),
        ];
        var script = Path.Combine(_folder.FullName, "compile.groovy");
        await File.WriteAllTextAsync(script, Compile);
        var java = Path.GetFullPath(Path.Combine(File.ResolveLinkTarget("/usr/bin/java", returnFinalTarget: true)?.FullName ?? "/usr/bin/java", "..", ".."));
        var answers = (await Shell.RunAsync(_folder.FullName, "env", ["JAVA_HOME=" + java, "groovy", script, good, .. bad])).Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.StartsWith("OK", answers[0]);
        Assert.All(answers[1..], a => Assert.StartsWith("NO", a));
        Assert.All(bad, b => Assert.NotEmpty(CiLint.Check(CiSystem.Jenkins, File.ReadAllText(b))));
    }

    [Fact]
    public async Task The_script_is_plain_shell()
    {
        var path = Path.Combine(_folder.FullName, "ci.sh");
        await File.WriteAllTextAsync(path, CiFiles.For(CiSystem.GitLab, "p", null, null)[1].Content);
        Assert.Equal("", (await Shell.RunAsync(_folder.FullName, "sh", "-n", path)).Succeeded().Trim());
    }

    private string Write(CiSystem system, string name, string? baseline, Func<string, string> change)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, change(CiFiles.For(system, "p", baseline, null)[0].Content));
        return path;
    }
}
