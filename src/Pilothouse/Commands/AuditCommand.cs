using System.CommandLine;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.Audit;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse audit verify | export</c>.</summary>
internal static class AuditCommand
{
    public static Command Create() => new("audit", "The append-only log of who moved what.") { Verify(), Export() };

    private static Command Verify()
    {
        var server = Cli.ServerOption();
        var file = new Option<FileInfo>("--file") { Description = "Verify an exported log offline instead of the server's." };
        var command = new Command("verify", "Re-compute every hash of the log. Exit code 1 when it was tampered with.") { file, server };
        command.SetAction(async (result, ct) =>
        {
            var verification = result.GetValue(file) is { } path ? await VerifyFileAsync(path.FullName, ct) : await VerifyServerAsync(Cli.Connect(result, server), ct);
            if (verification.Valid) Console.WriteLine($"OK: {verification.Size} entries, head {verification.Head}");
            else Console.WriteLine($"TAMPERED: {verification.Fault}");
            return verification.Valid ? ExitCode.Ok : ExitCode.Failed;
        }, guarded: true);
        return command;
    }

    private static Command Export()
    {
        var server = Cli.ServerOption();
        var output = new Option<FileInfo>("--output", "-o") { Description = "File to write (default: standard output)." };
        var command = new Command("export", "Write the whole log as JSON lines, to be verified offline.") { output, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await using var target = result.GetValue(output) is { } path ? path.Create() : Console.OpenStandardOutput();
            await client.ExportAuditAsync(target, ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static async Task<AuditVerification> VerifyServerAsync(PilothouseClient client, CancellationToken ct)
    {
        using (client) return await client.VerifyAuditAsync(ct);
    }

    /// <summary>Needs nothing but the file: the promise to an auditor.</summary>
    internal static async Task<AuditVerification> VerifyFileAsync(string path, CancellationToken ct)
    {
        long size = 0;
        var head = "";
        await foreach (var line in File.ReadLinesAsync(path, ct))
        {
            AuditLine? e;
            try
            {
                e = JsonSerializer.Deserialize<AuditLine>(line, PilothouseClient.Json);
            }
            catch (JsonException)
            {
                return new AuditVerification(false, size, head, $"line {size + 1} of {path} is not an entry of an audit log");
            }
            var chained = new ChainedRecord(new AuditRecord(e!.Index, e.TimeMs, e.Actor, e.Action, e.Subject, e.Details), e.LeafHash, e.Hash);
            (var fault, head) = AuditChain.Verify([chained], size, head);
            if (fault is not null) return new AuditVerification(false, size, head, fault.Message);
            size++;
        }
        return new AuditVerification(true, size, head, null);
    }
}
