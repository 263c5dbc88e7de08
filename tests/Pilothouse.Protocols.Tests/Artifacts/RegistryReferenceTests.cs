using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Tests.Artifacts;

public class RegistryReferenceTests
{
    [Theory]
    [InlineData("models:/assistant/2", "assistant", 2, null)]
    [InlineData("models:/a.b-c_d/latest", "a.b-c_d", null, null)]
    [InlineData("models:/my model ü/2", "my model ü", 2, null)]
    [InlineData("models:/assistant@champion", "assistant", null, "champion")]
    [InlineData("models:/assistant@v2-candidate", "assistant", null, "v2-candidate")]
    public void A_reference_is_read_and_written_the_same(string text, string name, int? version, string? alias)
    {
        Assert.True(RegistryReference.TryParse(text, RegistryReference.Models, out var reference));
        Assert.Equal(new RegistryReference("models", name, version, alias), reference);
        Assert.Equal(text, reference.ToString());
    }

    [Theory]
    [InlineData("models:/assistant")]
    [InlineData("models:/assistant/0")]
    [InlineData("models:/assistant/-1")]
    [InlineData("models:/assistant/2/3")]
    [InlineData("models:/assistant/99999999999")]
    [InlineData("models:/../2")]
    [InlineData("models:/a\u0007b/2")]
    [InlineData("models:/a:b/2")]
    [InlineData("models:/. ./2")]
    [InlineData("models:/assistant@")]
    [InlineData("models:/assistant@latest")]
    [InlineData("models:/assistant@v2")]
    [InlineData("models:/assistant@7")]
    [InlineData("models://assistant/2")]
    [InlineData("datasets:/assistant/2")]
    [InlineData("")]
    [InlineData(null)]
    public void Anything_else_is_refused(string? text) => Assert.False(RegistryReference.TryParse(text, RegistryReference.Models, out _));
}
