using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Tests.Modules.Deployments;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

public sealed class MetricsEndpointTests
{
    [Fact]
    public async Task Metrics_of_monitors_and_traffic_are_one_page()
    {
        var page = await PageAsync();

        Assert.Contains("pilothouse_monitor_responses_total{environment=\"shop/production\",arm=\"stable\",monitor=\"m\",release=\"sha256:aaaaaaaa\"} 1\n", page, StringComparison.Ordinal);
        Assert.Contains("pilothouse_gateway_requests_total{environment=\"shop/production\",route=\"shop/production/assistant\",arm=\"stable\",release=\"sha256:aaaaaaaa\"} 10\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Promtool_finds_no_fault()
    {
        const string Promtool = "/usr/bin/promtool";
        if (!File.Exists(Promtool)) Assert.Skip("promtool is not installed (apt install prometheus).");
        using var check = Process.Start(new ProcessStartInfo(Promtool, ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        await check.StandardInput.WriteAsync(await PageAsync());
        check.StandardInput.Close();

        var faults = await check.StandardOutput.ReadToEndAsync() + await check.StandardError.ReadToEndAsync();
        await check.WaitForExitAsync();
        Assert.True(check.ExitCode == 0 && faults.Length == 0, faults);
    }

    private static async Task<string> PageAsync()
    {
        var routes = new FakeRoutes();
        await routes.SetAsync(new GatewayRoute("shop/production/assistant", "shop/production", "generative",
            [new GatewayArm("stable", 100, "sha256:aaaaaaaa", "models:/assistant/1", "onnx", null, null, 0, 10)]), default);
        await using var server = await TestServer.StartAsync(customize: builder => builder.Services.AddSingleton<IGatewayRoutes>(routes));
        var monitors = server.Service<IMonitors>();
        await monitors.StartAsync(new MonitorTarget("shop/production", "stable", "sha256:aaaaaaaa", []), [new MonitorDefinition("m", "error_rate", 0.9, 0.01, 1)], default);
        await monitors.ObserveAsync(new Observation("shop/production", "stable", "sha256:aaaaaaaa", "t", 0, "", "", false, 1, null, new Dictionary<string, string>()), default);
        var response = await server.Http.GetAsync("metrics");
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return await response.Content.ReadAsStringAsync();
    }
}
