using System.ComponentModel;
using System.Diagnostics;
using Pilothouse.Client.Capture;
using Pilothouse.Commands;

namespace Pilothouse.CiRunner;

/// <summary>A clean checkout of one commit in a directory of its own, beside a home and a place for temporary files.</summary>
internal sealed class Checkout : IDisposable
{
    private static readonly string[] Passed = ["PATH", "LANG", "LC_ALL", "TZ", "SystemRoot", "DOTNET_ROOT", "SSL_CERT_FILE", "SSL_CERT_DIR"];

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("pilothouse-ci-");
    private readonly bool _keep;

    private Checkout(string commit, bool keep) => (Commit, _keep) = (commit, keep);

    public string Commit { get; }

    public string Folder => Path.Combine(_root.FullName, "work");

    /// <param name="repository">A path, or an http address, which gets the token.</param>
    /// <param name="commit">Anything that leads to one; at an address 40 hex digits.</param>
    /// <exception cref="UsageException">There is no such commit.</exception>
    /// <exception cref="IOException">Git failed.</exception>
    public static async Task<Checkout> MakeAsync(string repository, string commit, bool keep, CancellationToken ct)
    {
        var isAddress = IsAddress(repository);
        if (isAddress && !(commit.Length == 40 && commit.All(char.IsAsciiHexDigitLower))) throw new UsageException("At an address a commit is its full id, 40 hex digits.");
        if (!isAddress && (await TryAsync(repository, ["rev-parse", "--show-toplevel"], ct)) is { Code: 0, Output.Length: > 0 } top) repository = top.Output; // not its folder below
        if (!isAddress) commit = (await TryAsync(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options", commit + "^{commit}"], ct)).Output is { Length: 40 } id ? id : throw new UsageException($"'{commit}' leads to no commit of {repository}.");
        var checkout = new Checkout(commit, keep);
        try
        {
            Directory.CreateDirectory(checkout.Folder);
            foreach (var folder in (string[])["home", "tmp"]) Directory.CreateDirectory(Path.Combine(checkout._root.FullName, folder));
            await GitAsync(checkout.Folder, ["init", "-q"], ct);
            await GitAsync(checkout.Folder, ["fetch", "-q", "--no-tags", isAddress ? repository : Path.GetFullPath(repository), commit], ct);
            await GitAsync(checkout.Folder, ["-c", "advice.detachedHead=false", "checkout", "-q", "--detach", commit], ct);
            return checkout;
        }
        catch
        {
            checkout.Dispose();
            throw;
        }
    }

    public static bool IsAddress(string repository) => repository.StartsWith("http://", StringComparison.Ordinal) || repository.StartsWith("https://", StringComparison.Ordinal);

    /// <summary>Gives a commit of a repository on this disk to the server: to a ref of its own, which moves no branch and starts nothing there.</summary>
    public static Task SubmitAsync(string repository, Uri server, string project, string commit, CancellationToken ct) =>
        GitAsync(repository, ["push", "-q", "-o", "ci.skip", new Uri(server, $"git/{Uri.EscapeDataString(project)}.git").ToString(), $"{commit}:refs/ci/{commit}"], ct);

    /// <summary>Variables of steps: nothing of this process' own but what says where programs and certificates are.</summary>
    public Dictionary<string, string> Environment(IEnumerable<string> alsoPassed)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in Passed.Concat(alsoPassed))
            if (System.Environment.GetEnvironmentVariable(name) is { } value) variables[name] = value;
        variables["HOME"] = Path.Combine(_root.FullName, "home");
        variables["TMPDIR"] = Path.Combine(_root.FullName, "tmp");
        return variables;
    }

    public void Dispose()
    {
        if (_keep || !_root.Exists) return;
        try
        {
            _root.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"pilothouse: {_root.FullName} could not be removed: {e.Message}");
        }
    }

    private static async Task GitAsync(string directory, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var (code, output, error) = await TryAsync(directory, arguments, ct);
        if (code != 0) throw new IOException($"git {arguments[0]} failed: {Secrets.MaskedText(error.Trim() is { Length: > 0 } why ? why : output)}");
    }

    private static async Task<(int Code, string Output, string Error)> TryAsync(string directory, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_LFS_SKIP_SMUDGE"] = "1";
        if (System.Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN") is { Length: > 0 } token)
            (start.Environment["GIT_CONFIG_COUNT"], start.Environment["GIT_CONFIG_KEY_0"], start.Environment["GIT_CONFIG_VALUE_0"]) = ("1", "http.extraHeader", "Authorization: Bearer " + token);
        try
        {
            using var git = Process.Start(start)!;
            git.StandardInput.Close();
            var (output, error) = (git.StandardOutput.ReadToEndAsync(ct), git.StandardError.ReadToEndAsync(ct));
            await git.WaitForExitAsync(ct);
            return (git.ExitCode, (await output).Trim(), await error);
        }
        catch (Win32Exception)
        {
            throw new UsageException("git was not found. Install it.");
        }
    }
}
