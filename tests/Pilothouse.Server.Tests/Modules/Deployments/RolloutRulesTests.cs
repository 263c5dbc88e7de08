using Pilothouse.Server.Modules.Deployments;

namespace Pilothouse.Server.Tests.Modules.Deployments;

public sealed class RolloutRulesTests
{
    [Theory]
    // step, milliseconds in it, responses in it -> move, for steps 10, 50, 100 with an interval of 5 s and 30 requests
    [InlineData(0, 0, 0, "Hold")]
    [InlineData(0, 4999, 1000, "Hold")]     // enough answers, too early
    [InlineData(0, 3_600_000, 29, "Hold")]  // an hour of silence proves nothing
    [InlineData(0, 5000, 30, "Advance")]
    [InlineData(1, 5000, 30, "Advance")]
    [InlineData(2, 5000, 29, "Hold")]       // all the traffic is watched too, before the pointer moves
    [InlineData(2, 5000, 30, "Succeed")]
    public void A_step_lasts_its_interval_and_its_requests(int step, long elapsedMs, long requests, string expected) =>
        Assert.Equal(expected, RolloutRules.Next(new RolloutPosition([10, 50, 100], step, 1000, requests, 5000, 30), 1000 + elapsedMs).ToString());

    [Fact]
    public void A_rollout_without_steps_in_between_succeeds_at_once() =>
        Assert.Equal(RolloutMove.Succeed, RolloutRules.Next(new RolloutPosition([100], 0, 0, 0, 0, 0), 0));

    [Fact]
    public void A_clock_that_was_set_back_holds() =>
        Assert.Equal(RolloutMove.Hold, RolloutRules.Next(new RolloutPosition([10, 100], 0, 10_000, 100, 5000, 0), 0));
}
