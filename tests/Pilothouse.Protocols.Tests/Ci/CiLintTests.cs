using Pilothouse.Protocols.Ci;

namespace Pilothouse.Protocols.Tests.Ci;

/// <summary>One mistake each in a pipeline that is right: the fault names its line and what to do.</summary>
public sealed class CiLintTests
{
    [Theory]
    [InlineData("stages {", "stagse {", 25, "Did you mean 'stages'")]
    [InlineData("    agent any\n", "", 2, "'agent' is missing")]
    [InlineData("        stage('Install') {\n            steps {", "        stage('Install') {\n            sh 'make'\n            steps {", 27, "A step stands in steps")]
    [InlineData("sh 'sh .pilothouse/ci.sh test'", "sh 'sh .pilothouse/ci.sh test", 33, "never ends")]
    [InlineData("sh 'sh .pilothouse/ci.sh test'", "sh", 33, "'sh' needs an argument")]
    [InlineData("stage('Test')", "stage", 31, "no name")]
    [InlineData("always {", "allways {", 38, "Did you mean 'always'")]
    [InlineData("timestamps()", "timestmaps()", 9, "Did you mean 'timestamps'")]
    [InlineData("agent any", "agent linux", 4, "'linux' is no agent")]
    [InlineData("    stages {\n", "    stages {\n        }\n", null, "")]
    [InlineData("timeout(time: 60, unit: 'MINUTES')", "timeout(time: 60, unit: 'MINUTES'", 7, "is not closed before")]
    [InlineData("PILOTHOUSE_CI = 'ci/jenkins'", "PILOTHOUSE_CI 'ci/jenkins'", 23, "Expected NAME = VALUE")]
    [InlineData("                sh 'sh .pilothouse/ci.sh install'", "                def x = 1", 28, "Put it into script")]
    [InlineData("                sh 'sh .pilothouse/ci.sh install'\n", "", 27, "There is no step")]
    public void Jenkinsfile_faults(string right, string wrong, int? line, string says) => Caught(CiSystem.Jenkins, right, wrong, line, says);

    [Theory]
    [InlineData("version: 2.1", "version: 2.11", "mean '2.1'")]
    [InlineData("version: 2.1\n", "", "'version' is missing")]
    [InlineData("      - checkout:\n          method: full", "      - chekcout:\n          method: full", "Did you mean 'checkout'")]
    [InlineData("    docker:\n      - image: mcr.microsoft.com/dotnet/sdk:10.0\n", "", "does not say where it runs")]
    [InlineData("      - image: mcr", "      - imgae: mcr", "Did you mean 'image'")]
    [InlineData("          command: sh .pilothouse/ci.sh test\n", "", "'command' is missing")]
    [InlineData("      - test:\n          context", "      - tset:\n          context", "Did you mean 'test'")]
    [InlineData("workflows:", "worklfows:", "Did you mean 'workflows'")]
    [InlineData("          when: always", "          when: ever", "not known")]
    [InlineData("    type: string", "    type: sting", "Did you mean 'string'")]
    [InlineData("          paths:\n            - .pilothouse/cache", "          paths: []", "list is empty")]
    [InlineData("          context:", "          requires: [build]\n          context:", "no job 'build'")]
    public void CircleCi_faults(string right, string wrong, string says) => Caught(CiSystem.CircleCi, right, wrong, null, says);

    [Theory]
    [InlineData("language: generic", "language: minimal", "not known")]
    [InlineData("language: generic", "langauge: generic", "Did you mean 'language'")]
    [InlineData("stage: test", "stage: tset", "Did you mean 'test'")]
    [InlineData("      script: sh .pilothouse/ci.sh test\n", "", "Nothing says what this job runs")]
    [InlineData("  directories:", "  directoreis:", "Did you mean 'directories'")]
    [InlineData("      script: sh", "      scirpt: sh", "Did you mean 'script'")]
    [InlineData("  depth: false", "  dpeth: false", "Did you mean 'depth'")]
    [InlineData("    - PILOTHOUSE_CI=ci/travis", "    - [x", "not valid YAML")]
    public void Travis_faults(string right, string wrong, string says) => Caught(CiSystem.Travis, right, wrong, null, says);

    [Theory]
    [InlineData("  push:\n", "  psuh:\n", "Did you mean 'push'")]
    [InlineData("    runs-on: ubuntu-latest\n", "", "'runs-on' is missing")]
    [InlineData("github.ref }}", "github.rfe }}", "Did you mean 'github.ref'")]
    [InlineData("github.event_name != 'pull_request'", "github.evnt != 'pull_request'", "Did you mean 'github.event'")]
    [InlineData("vars.PILOTHOUSE_URL }}", "vras.PILOTHOUSE_URL }}", "Did you mean 'vars'")]
    [InlineData("hashFiles('pilothouse.yaml')", "hashFile('pilothouse.yaml')", "Did you mean 'hashFiles'")]
    [InlineData("${{ secrets.PILOTHOUSE_TOKEN }}", "${{ secrets.PILOTHOUSE_TOKEN }", "does not end")]
    [InlineData("uses: actions/checkout@v7", "uses: checkout", "names no action")]
    [InlineData("        run: sh .pilothouse/ci.sh test\n", "", "The step does nothing")]
    [InlineData("        run: sh .pilothouse/ci.sh test\n", "        run: sh .pilothouse/ci.sh test\n        uses: a/b@v1\n", "not both")]
    [InlineData("contents: read", "contents: reed", "Did you mean 'read'")]
    [InlineData("    timeout-minutes: 60", "    timeout-minutes: long", "Expected a number")]
    [InlineData("    name: Suites and gates", "    needs: build", "no job 'build'")]
    [InlineData("        type: string", "        type: choice", "needs options")]
    [InlineData("    steps:\n", "    stesp:\n", "Did you mean 'steps'")]
    public void GitHub_faults(string right, string wrong, string says) => Caught(CiSystem.GitHub, right, wrong, null, says);

    [Theory]
    [InlineData("  stage: test", "  stage: tset", "Did you mean 'test'")]
    [InlineData("  script:\n", "  scirpt:\n", "Did you mean 'script'")]
    [InlineData("    when: always\n    expire_in", "    when: alwyas\n    expire_in", "Did you mean 'always'")]
    [InlineData("      junit: .pilothouse", "      junit: [{a: b}]\n      x: .pilothouse", "Expected a text")]
    [InlineData("  artifacts:", "  artefacts:", "Did you mean 'artifacts'")]
    [InlineData("  image: mcr.microsoft.com/dotnet/sdk:10.0", "  needs: [build]", "no job 'build'")]
    [InlineData("  image: mcr.microsoft.com/dotnet/sdk:10.0", "  extends: .base", "no job '.base'")]
    [InlineData("pilothouse:\n", ".pilothouse:\n", "no job")]
    [InlineData("stages:\n  - test", "stages: test", "Expected a list")]
    public void GitLab_faults(string right, string wrong, string says) => Caught(CiSystem.GitLab, right, wrong, null, says);

    [Fact]
    public void What_is_legal_but_unusual_passes()
    {
        Assert.Empty(CiLint.Check(CiSystem.Jenkins, """
            #!/usr/bin/env groovy
            // a comment with ' and {
            def names = ['a', 'b'] /* and " here */
            pipeline {
                agent { docker { image "maven:${env.V ?: "3"}" } }
                stages {
                    stage('Both') {
                        when { anyOf { branch 'main'; expression { return params.X =~ /re[a-z]*x'/ } } }
                        parallel {
                            stage('One') { steps { script { def x = 1; if (x) { echo "it's" } } } }
                            stage('Two') { steps { withCredentials([string(credentialsId: 'x', variable: 'Y')]) { sh(script: '''a 'b'
                                c''', returnStdout: true) } } }
                        }
                    }
                }
                post { cleanup { deleteDir() } }
            }
            """));
        Assert.Empty(CiLint.Check(CiSystem.Jenkins, "node('linux') {\n  checkout scm\n  sh 'make'\n}\n"));
        Assert.Empty(CiLint.Check(CiSystem.CircleCi, "version: 2.1\nx: &d\n  docker: [{image: a}]\norbs: {n: circleci/node@5}\njobs:\n  build:\n    <<: *d\n    steps: [checkout, n/install, {run: make}]\n"));
        Assert.Empty(CiLint.Check(CiSystem.GitLab, "include: x.yml\n.base: &b\n  image: a\na:\n  <<: *b\n  stage: custom\n  script: [!reference [.x, script], [a, b]]\n"));
        Assert.Empty(CiLint.Check(CiSystem.GitHub, "on: [push]\njobs:\n  a: {uses: o/r/.github/workflows/x.yml@main}\n  b:\n    needs: a\n    runs-on: ${{ matrix.os }}\n    steps: [{run: \"echo ${{ fromJSON(needs.a.outputs.x)[0].name || 'it''s' }}\"}]\n"));
    }

    [Theory, MemberData(nameof(CiFilesTests.Systems), MemberType = typeof(CiFilesTests))]
    public void Hostile_neighbours_never_throw(CiSystem system)
    {
        var right = CiFiles.For(system, "p", "production", null)[0].Content;
        Mutations.OnlyNamedErrors(right, text => Assert.True(CiLint.Check(system, text).Count <= CiLint.MaxFaults), iterations: 1_000);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("{")]
    [InlineData("pipeline { stages { stage('x') {")]
    public void Deep_nesting_is_refused_and_not_followed(string piece)
    {
        Assert.NotEmpty(CiLint.Check(CiSystem.Jenkins, string.Concat(Enumerable.Repeat(piece, 20_000))));
        Assert.NotEmpty(CiLint.Check(CiSystem.Jenkins, "pipeline { agent any\n stages { stage('x') { steps { " + string.Concat(Enumerable.Repeat("dir('a') { ", 5_000)) + "sh 'x'" + new string('}', 5_004)));
    }

    private static void Caught(CiSystem system, string right, string wrong, int? line, string says)
    {
        var text = CiFiles.For(system, "p", "production", null)[0].Content;
        Assert.Contains(right, text);
        var at = text.IndexOf(right, StringComparison.Ordinal);
        var faults = CiLint.Check(system, text[..at] + wrong + text[(at + right.Length)..]);
        Assert.Contains(faults, f => f.ToString().Contains(says, StringComparison.Ordinal) && (line is null || f.Line == line));
        Assert.All(faults, f => Assert.True(f.Line > 0 && f.Remedy.Length > 0));
    }
}
