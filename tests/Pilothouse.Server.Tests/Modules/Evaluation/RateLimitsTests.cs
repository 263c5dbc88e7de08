using Microsoft.Extensions.Time.Testing;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

public class RateLimitsTests
{
    private readonly FakeTimeProvider _time = new();

    /// <summary>Without the test's own context a wait goes on within the step of the clock that ends it, so nothing has to be waited for.</summary>
    private RateLimits Limits()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        return new RateLimits(_time);
    }

    private static InferenceTarget Target(int? requests = null, int? tokens = null, string model = "m") => new(model, "openai", "http://127.0.0.1:9/v1") { RequestsPerMinute = requests, TokensPerMinute = tokens };

    [Fact]
    public void No_more_requests_pass_in_a_minute_than_are_allowed()
    {
        var limits = Limits();
        var target = Target(requests: 60);
        var waiting = Enumerable.Range(0, 200).Select(_ => limits.WaitAsync(target, default)).ToArray();
        Assert.Equal(1, waiting.Count(w => w.IsCompletedSuccessfully));

        for (var second = 0; second < 59; second++) _time.Advance(TimeSpan.FromSeconds(1));
        Assert.InRange(waiting.Count(w => w.IsCompletedSuccessfully), 55, 61);

        for (var second = 0; second < 60; second++) _time.Advance(TimeSpan.FromSeconds(1));
        Assert.InRange(waiting.Count(w => w.IsCompletedSuccessfully), 110, 121);
    }

    [Fact]
    public void Tokens_that_were_spent_make_the_next_wait()
    {
        var limits = Limits();
        var target = Target(tokens: 600);
        Assert.True(limits.WaitAsync(target, default).IsCompletedSuccessfully);
        limits.Spent(target, 400); // 100 were there: 300 are owed, which is half a minute

        var next = limits.WaitAsync(target, default);
        _time.Advance(TimeSpan.FromSeconds(25));
        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.True(next.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_pause_holds_everybody_back_but_no_other_engine()
    {
        var limits = Limits();
        limits.Pause(Target(), TimeSpan.FromSeconds(7));

        var held = limits.WaitAsync(Target(), default);
        Assert.True(limits.WaitAsync(Target(model: "other"), default).IsCompletedSuccessfully);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.False(held.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(held.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_model_in_this_process_is_never_held_back() =>
        Assert.True(Limits().WaitAsync(new InferenceTarget("models:/assistant/1", "onnx") { RequestsPerMinute = 1 }, default).IsCompletedSuccessfully);
}
