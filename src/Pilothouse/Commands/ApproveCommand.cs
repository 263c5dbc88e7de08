using System.CommandLine;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse approve RELEASE</c>.</summary>
internal static class ApproveCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("release") { Description = "Digest, or its first eight or more digits." };
        var comment = new Option<string>("--comment") { Description = "What was looked at." };
        var json = Output.JsonOption();
        var command = new Command("approve", "Approve a release: a second pair of eyes, kept as evidence with it.") { reference, comment, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var release = await client.ApproveReleaseAsync(result.GetValue(reference)!, result.GetValue(comment), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(release));
            else Console.WriteLine($"{release.Digest} {release.Evidence.Last(e => e.Type == "approval").Summary}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
