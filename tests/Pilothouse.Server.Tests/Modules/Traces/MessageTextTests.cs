using Pilothouse.Server.Modules.Traces;

namespace Pilothouse.Server.Tests.Modules.Traces;

public class MessageTextTests
{
    [Theory]
    [InlineData("""[{"role":"system","parts":[{"type":"text","content":"Be kind."}]},{"role":"user","parts":[{"type":"text","content":"Hi"},{"type":"text","content":"there"}]}]""", "Hi there")]
    [InlineData("""[{"role":"user","content":"Hi"}]""", "Hi")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}""", "Hi")]
    [InlineData("Hi", "Hi")]
    [InlineData("[broken", "[broken")]
    [InlineData("[]", "[]")]
    [InlineData("[{}]", "[{}]")]
    [InlineData("[1]", "[1]")]
    [InlineData(null, null)]
    public void The_text_of_the_last_message_is_shown(string? recorded, string? expected) => Assert.Equal(expected, MessageText.Last(recorded));
}
