using Pilothouse.Server.Modules.Tracking;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Tracking;

public class ArtifactPathTests
{
    [Theory]
    [InlineData("a/b.txt", "a/b.txt")]
    [InlineData("a//b/", "a/b")]
    [InlineData("", "")]
    [InlineData("100%", "100%")]
    [InlineData("a..b/c", "a..b/c")]
    public void A_path_below_is_kept(string path, string clean) => Assert.Equal(clean, ArtifactService.Clean(path));

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../b")]
    [InlineData("..")]
    [InlineData("./a")]
    [InlineData("/etc/passwd")]
    [InlineData("%2e%2e/x")]
    [InlineData("%252e%252e%252fx")]
    [InlineData("c:/x")]
    [InlineData("a\0b")]
    public void A_path_that_could_lead_elsewhere_is_refused(string path) => Assert.Throws<PilothouseException>(() => ArtifactService.Clean(path));
}
