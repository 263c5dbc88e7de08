using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Gateway;

public class RouteServiceTests
{
    [Theory, DatabaseData]
    public async Task Routes_come_back_after_a_restart(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        using (var routes = new RouteService(new RouteStore(database.Db), database.Time))
        {
            await routes.SetAsync(Route("a", 100), default);
            await routes.SetAsync(Route("b", 100), default);
            await routes.SetAsync(Route("a", 50), default);
            await routes.RemoveAsync("b", default);
        }
        using var again = new RouteService(new RouteStore(database.Db), database.Time);
        await again.StartAsync(default);

        var route = Assert.Single(await again.ListAsync(default));
        Assert.Equivalent(Route("a", 50), route);
        Assert.Equal(["stable", "canary"], again.Observe("a").Select(o => o.Arm));
        Assert.Empty(again.Observe("b"));
    }

    [Fact]
    public async Task Setting_a_route_starts_its_counters_at_zero()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        using var routes = new RouteService(new RouteStore(database.Db), database.Time);
        await routes.SetAsync(Route("a", 100), default);
        var arm = routes.Find("a")!.Arms[0];
        for (var i = 1; i <= 100; i++) arm.Statistics.Add(failed: i % 10 == 0, latencyMs: i, nowMs: i);

        var seen = routes.Observe("a")[0];
        Assert.Equal((100, 10, 100), (seen.Requests, seen.Errors, seen.LastServedMs));
        Assert.Equal(50, seen.LatencyP50Ms!.Value, 2.0);
        Assert.Equal(95, seen.LatencyP95Ms!.Value, 2.0);

        await routes.SetAsync(Route("a", 90), default);
        Assert.Equal(0, routes.Observe("a")[0].Requests);
    }

    [Fact]
    public async Task A_route_that_cannot_be_served_is_refused_and_the_old_one_stays()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        using var routes = new RouteService(new RouteStore(database.Db), database.Time);
        await routes.SetAsync(Route("a", 100), default);
        GatewayRoute[] wrong =
        [
            Route("a", 100) with { Arms = [] },
            Route("a", 100) with { Arms = [Route("a", 60).Arms[0]] },
            Route("a", 100) with { Kind = "image" },
            Route("models:/a/1", 100),
            Route("", 100),
            Route("a", 100) with { Arms = [Route("a", 100).Arms[0] with { Engine = "torch" }] },
            Route("a", 100) with { Arms = [Route("a", 100).Arms[0] with { Engine = "openai" }] },
            Route("a", 100) with { Arms = [Route("a", 50).Arms[0], Route("a", 50).Arms[0]] },
        ];
        foreach (var route in wrong)
        {
            var error = await Assert.ThrowsAsync<PilothouseException>(() => routes.SetAsync(route, default));
            Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        }
        Assert.Equal(100, routes.Find("a")!.Route.Arms[0].Weight);
    }

    private static GatewayRoute Route(string name, int stable) => new(name, "p/production", "generative", stable == 100
        ? [new GatewayArm("stable", 100, "sha256:a", "models:/a/1", "onnx", null, "Answer: {input}", 0, 48)]
        : [new GatewayArm("stable", stable, "sha256:a", "models:/a/1", "onnx", null, null, 0, 48), new GatewayArm("canary", 100 - stable, "sha256:b", "models:/a/2", "onnx", null, null, 0, 48)]);
}
