using CsCheck;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Tests.Modules.Gateway;

public class ActiveRouteTests
{
    [Fact]
    public void Shares_follow_the_weights() => Gen.Select(Gen.Int[0, 100], Gen.String[Gen.Char['a', 'z'], 3, 20]).Sample((weight, salt) =>
    {
        const int Requests = 4000;
        var route = Route(weight);
        var canary = Enumerable.Range(0, Requests).Count(i => route.Choose($"{salt}-{i}").Definition.Arm == "canary");
        var p = weight / 100.0;
        // Six standard deviations: one false alarm in 10^9, so that a failure means a wrong share.
        return Math.Abs(canary - p * Requests) <= 6 * Math.Sqrt(Requests * p * (1 - p));
    }, iter: 100);

    [Fact]
    public void A_conversation_stays_on_its_arm_and_the_canary_keeps_what_it_has() => Gen.Select(Gen.Int[0, 100], Gen.Int[0, 100], Gen.String).Sample((a, b, conversation) =>
    {
        var (low, high) = (Route(Math.Min(a, b)), Route(Math.Max(a, b)));
        var arm = low.Choose(conversation).Definition.Arm;
        return arm == low.Choose(conversation).Definition.Arm && (arm != "canary" || high.Choose(conversation).Definition.Arm == "canary");
    });

    [Fact]
    public void The_prompt_wraps_the_last_message_of_the_user()
    {
        var turns = Arm("Answer: {input}").Apply([new ChatTurn("user", "a"), new ChatTurn("assistant", "b"), new ChatTurn("user", "c {input}")], new Dictionary<string, string>());
        Assert.Equal(["a", "b", "Answer: c {input}"], turns.Select(t => t.Content));
    }

    [Fact]
    public void Metadata_fills_the_variables_that_it_names()
    {
        var turns = Arm("{language}: {prompt}").Apply([new ChatTurn("user", "hi")], new Dictionary<string, string> { ["language"] = "en" });
        Assert.Equal("en: hi", Assert.Single(turns).Content);
    }

    private static ActiveArm Arm(string template) => new(new GatewayArm("stable", 100, "sha256:a", "models:/a/1", "onnx", null, template, 0, 48));

    private static ActiveRoute Route(int canary) => new(new GatewayRoute("p/production/assistant", "p/production", "generative",
    [
        new GatewayArm("stable", 100 - canary, "sha256:a", "models:/a/1", "onnx", null, null, 0, 48),
        new GatewayArm("canary", canary, "sha256:b", "models:/a/2", "onnx", null, null, 0, 48),
    ]));
}
