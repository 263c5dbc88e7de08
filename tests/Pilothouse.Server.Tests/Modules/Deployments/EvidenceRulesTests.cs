using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Deployments;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Deployments;

public class EvidenceRulesTests
{
    private static readonly ProjectFile File = ProjectFileReader.Parse("apiVersion: pilothouse/v1\nproject: shop\nsuites: { regression: { promptfoo: evals/c.yaml } }\n").File!;

    private static Release Release(string covered, params string[] suites) => new("sha256:0123456789abcdef", "shop", "c0ffee", "Bot", "ann", 0, [.. suites.Select(s => new ReleaseComponent("suite", s, $"suites:/shop.{s}/1", "sha256:1", 0))],
        [new ReleaseEvidence("evaluation", covered, "sha256:2", "PASS", "fine", "e1", "ann", 1)]);

    private static void Check(Release release) => EvidenceRules.Check("production", [RequiredEvidence.Evaluation], release, File);

    [Fact]
    public void A_promptfoo_configuration_is_covered_when_all_its_suites_are()
    {
        Check(Release("regression", "regression"));
        Check(Release("regression.echo-p1, regression.echo-p2", "regression.echo-p1", "regression.echo-p2"));
        var error = Assert.Throws<PilothouseException>(() => Check(Release("regression.echo-p1", "regression.echo-p1", "regression.echo-p2")));
        Assert.Contains("its suite 'regression.echo-p2' was not run", error.Message, StringComparison.Ordinal);
        Assert.Throws<PilothouseException>(() => Check(Release("quality")));
    }
}
