using Microsoft.Extensions.Time.Testing;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Platform;

public sealed class IdsTests
{
    [Fact]
    public void Ids_are_in_order_within_a_millisecond_and_when_the_clock_is_set_back()
    {
        var time = new FakeTimeProvider();
        var ids = new Ids(time);
        var made = Enumerable.Range(0, 10_000).Select(_ => ids.New()).ToList();
        time.AdjustTime(time.GetUtcNow() - TimeSpan.FromHours(1));
        made.AddRange(Enumerable.Range(0, 10).Select(_ => ids.New()));

        Assert.Equal(made, made.Order(StringComparer.Ordinal));
        Assert.Equal(made.Count, made.Distinct().Count());
        Assert.All(made, id => Assert.Matches("^[0-9a-f]{12}7[0-9a-f]{19}$", id));
    }

    [Fact]
    public void Two_servers_make_different_ids_in_the_same_millisecond()
    {
        var time = new FakeTimeProvider();
        Assert.NotEqual(new Ids(time).New(), new Ids(time).New());
    }
}
