using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse package</c>: the release of a commit as an OCI image layout on this disk.</summary>
internal static class PackageCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var (project, commit) = ProjectContext.Options();
        var output = new Option<DirectoryInfo>("--output", "-o") { Description = "Directory of the OCI layout.", Required = true };
        var command = new Command("package", "Build the OCI artifact of a commit, with its evidence, and write it as an image layout. Needs no Docker.") { project, commit, output, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var context = await ProjectContext.FindAsync(result, project, commit, ct);
            var directory = result.GetValue(output)!.FullName;
            var release = await client.CreateReleaseAsync(new NewRelease(context.Project, context.Commit), ct);
            var blobs = await client.ExportReleaseAsync(release.Digest, directory, ct);
            Console.WriteLine($"{release.Digest}  {directory} ({blobs} blobs, verified)");
            Console.WriteLine($"Copy it to a registry: skopeo copy oci:{directory}:{release.Commit[..12]} docker://REGISTRY/{release.Project}:{release.Commit[..12]}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
