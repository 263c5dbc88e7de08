using System.ComponentModel;
using System.Diagnostics;
using Pilothouse.Client.Capture;
using Pilothouse.Commands;

namespace Pilothouse.CiRunner;

/// <summary>
/// A clean checkout of one commit in a directory of its own, beside a home and a place for temporary files. When commands run as another user they get a copy of all three, and never write to the first: what runs
/// with the token trusts it.
/// </summary>
internal sealed class Checkout : IDisposable
{
    private static readonly string[] Passed = ["PATH", "LANG", "LC_ALL", "TZ", "SystemRoot", "DOTNET_ROOT", "SSL_CERT_FILE", "SSL_CERT_DIR"];

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("pilothouse-ci-");
    private readonly bool _keep;
    private string? _commands;

    private Checkout(string commit, bool keep) => (Commit, _keep) = (commit, keep);

    public string Commit { get; }

    /// <summary>pilothouse.yaml of the commit.</summary>
    public Task<Protocols.ProjectFiles.ProjectFile> ProjectAsync(CancellationToken ct) => CheckCommand.LoadAsync(Path.Combine(Folder, CheckCommand.FileName), $"{CheckCommand.FileName} of {Commit[..10]}", ct);

    /// <summary>As the commit has it; where steps with the token run.</summary>
    public string Folder => Path.Combine(OwnFolder, "work");

    /// <summary>Where commands of the repository run.</summary>
    public string CommandFolder => Path.Combine(_commands ?? OwnFolder, "work");

    private string OwnFolder => Path.Combine(_root.FullName, "own");

    /// <param name="repository">A path, or an http address, which gets the token.</param>
    /// <param name="commit">Anything that leads to one; at an address 40 hex digits.</param>
    /// <exception cref="UsageException">There is no such commit.</exception>
    /// <exception cref="IOException">Git failed.</exception>
    public static async Task<Checkout> MakeAsync(string repository, string commit, bool keep, CancellationToken ct)
    {
        var isAddress = IsAddress(repository);
        if (isAddress && !(commit.Length == 40 && commit.All(char.IsAsciiHexDigitLower))) throw new UsageException("At an address a commit is its full id, 40 hex digits.");
        if (!isAddress && !Directory.Exists(repository)) throw new UsageException($"{repository} does not exist. Name a folder or an http address: --repository");
        if (!isAddress && (await TryAsync(repository, ["rev-parse", "--git-dir"], ct)).Code != 0) throw new UsageException($"{repository} is no Git repository. Go into the project, or name one: --repository");
        if (!isAddress && (await TryAsync(repository, ["rev-parse", "--show-toplevel"], ct)) is { Code: 0, Output.Length: > 0 } top) repository = top.Output; // not its folder below
        if (!isAddress) commit = (await TryAsync(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options", commit + "^{commit}"], ct)).Output is { Length: 40 } id ? id : throw new UsageException($"'{commit}' leads to no commit of {repository}.");
        var checkout = new Checkout(commit, keep);
        try
        {
            Directory.CreateDirectory(checkout.Folder);
            foreach (var folder in (string[])["home", "tmp"]) Directory.CreateDirectory(Path.Combine(checkout.OwnFolder, folder));
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

    /// <summary>Gives commands a checkout, home and temporary folder of their own, which belong to another user.</summary>
    /// <param name="alone">No other steps need this checkout: it moves instead of being copied.</param>
    /// <exception cref="UsageException">The user cannot get there.</exception>
    public async Task HandOverAsync(JobUser user, bool alone, CancellationToken ct)
    {
        _commands = Path.Combine(_root.FullName, "commands");
        foreach (var folder in (string[])["home", "tmp"]) Directory.CreateDirectory(Path.Combine(_commands, folder));
        if (alone)
        {
            Directory.Move(Folder, CommandFolder);
            Directory.CreateDirectory(Folder);
        }
        else await JobUser.MustAsync(["cp", "-a", "--reflink=auto", "--", Folder, CommandFolder], ct);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            File.SetUnixFileMode(OwnFolder, Own);
            File.SetUnixFileMode(_commands, Own);
            File.SetUnixFileMode(_root.FullName, Own | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }
        await user.OwnAsync(_commands, ct);
        if (!await user.MayWriteAsync(CommandFolder, ct)) throw new UsageException($"--as {user.Name}: that user cannot get to {_root.FullName}. Set TMPDIR to a folder that every user can enter.");
    }

    /// <summary>Variables of steps: nothing of this process' own but what says where programs and certificates are.</summary>
    /// <param name="ofCommand">Of a command of the repository; else of a step with the token.</param>
    public Dictionary<string, string> Environment(IEnumerable<string> alsoPassed, bool ofCommand)
    {
        var place = ofCommand ? _commands ?? OwnFolder : OwnFolder;
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in Passed.Concat(alsoPassed))
            if (System.Environment.GetEnvironmentVariable(name) is { } value) variables[name] = value;
        variables["HOME"] = Path.Combine(place, "home");
        variables["TMPDIR"] = Path.Combine(place, "tmp");
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
