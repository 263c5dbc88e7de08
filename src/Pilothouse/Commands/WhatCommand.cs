using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Commands.Live;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse what ENV [--why] [--at T]</c>: the chain of custody.</summary>
internal static class WhatCommand
{
    private static readonly JsonSerializerOptions Indented = new(PilothouseClient.Json) { WriteIndented = true };

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var environment = new EnvironmentArgument();
        var why = new Option<bool>("--why") { Description = "Also whole digests, every piece of evidence and the audit log." };
        var at = new Option<string>("--at") { Description = "At a moment of the past: 2026-10-01T12:00Z, or epoch milliseconds." };
        var json = new Option<bool>("--json") { Description = "Print JSON, as the API gives it." };
        var command = new Command("what", "What is running, as observed; what it was built from, how it was tested, who approved it, since when, and how to take it back.")
        {
            environment.Name, why, at, json, environment.Project, server,
        };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (project, name) = await environment.ReadAsync(result, ct);
            var custody = await client.WhatAsync(project, name, result.GetValue(at) is { } moment ? Moment(moment) : null, ct);
            if (result.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(custody, Indented));
            else foreach (var line in CustodyTree.Lines(custody, result.GetValue(why))) Console.WriteLine(line);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    internal static long Moment(string text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)) return ms;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time.ToUnixTimeMilliseconds()
            : throw new UsageException($"'{text}' is not a time. Write it like 2026-10-01T12:00Z, or as epoch milliseconds.");
    }
}
