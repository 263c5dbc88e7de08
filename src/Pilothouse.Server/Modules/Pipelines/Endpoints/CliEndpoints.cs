using System.Formats.Tar;
using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Endpoints;

/// <summary>
/// This server's own command line, for build machines: it always fits the server. Managed code only (runs anywhere with the .NET runtime); the native engines, which only a server needs, are left out.
/// </summary>
internal static class CliEndpoints
{
    private const string EntryPoint = "pilothouse.dll";

    /// <summary>Changes with every build of the server.</summary>
    private static readonly string Build = $"{PilothouseServer.Version}-{typeof(CliEndpoints).Assembly.ManifestModule.ModuleVersionId.ToString("N")[..12]}";

    public static void MapCli(this IEndpointRouteBuilder endpoints)
    {
        var cli = endpoints.MapGroup("/api/v1/cli").WithErrors(NativeErrors.Instance).WithTags("Pipelines");
        cli.MapGet("version", () => Results.Text(Build));
        cli.MapGet("", () =>
        {
            if (!File.Exists(Path.Combine(AppContext.BaseDirectory, EntryPoint)))
                throw new PilothouseException(ErrorCode.NotFound, "This server is packed in a form that holds no command line to give away. Install pilothouse on the build machine.");
            return Results.Stream(WriteAsync, "application/gzip", $"pilothouse-{Build}.tar.gz");
        });
    }

    private static async Task WriteAsync(Stream output)
    {
        await using var gzip = new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true);
        await using var tar = new TarWriter(gzip, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory).Where(f => Path.GetExtension(f) is ".dll" or ".json").Order(StringComparer.Ordinal))
            if (!Path.GetFileName(file).Contains("staticwebassets", StringComparison.Ordinal)) await tar.WriteEntryAsync(file, Path.GetFileName(file));
    }
}
