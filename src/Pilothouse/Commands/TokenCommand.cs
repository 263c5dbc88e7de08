using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse token create NAME</c>.</summary>
internal static class TokenCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Who or what will use it; stands in the audit log." };
        var role = new Option<string>("--role") { Description = "reader, writer or admin.", DefaultValueFactory = _ => "writer" };
        var create = new Command("create", "Make a token; it is shown once.") { name, role, server };
        create.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var token = await client.CreateTokenAsync(new NewToken(result.GetValue(name)!, result.GetValue(role)!), ct);
            Console.WriteLine(token.Token);
            return ExitCode.Ok;
        }, guarded: true);
        return new Command("token", "Tokens for people, pipelines and services.") { create };
    }
}
