using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Pilothouse.Commands;

namespace Pilothouse.CiRunner;

/// <summary>
/// Another Unix user, as whom the commands of a repository run: they then reach neither the token of the steps beside them, nor this process, nor files of its user. By setpriv(1) of util-linux, which sets user and
/// group, drops the supplementary groups and all capabilities, and no_new_privs, so that no setuid program leads back.
/// </summary>
internal sealed partial class JobUser
{
    private readonly string _setPriv;

    private JobUser(string name, uint id, uint group, string setPriv) => (Name, Id, Group, _setPriv) = (name, id, group, setPriv);

    public string Name { get; }

    public uint Id { get; }

    public uint Group { get; }

    /// <param name="name">Of a user that the system knows.</param>
    /// <param name="closed">Folders that the user must not be able to enter.</param>
    /// <exception cref="UsageException">Commands cannot run as this user: there is none, this process may not, or the user gets into a folder that is none of its business.</exception>
    public static async Task<JobUser> FindAsync(string name, IReadOnlyList<string> closed, CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux()) throw new UsageException("--as needs Linux.");
        var setPriv = Programs.Find("setpriv") ?? throw new UsageException("--as needs setpriv of util-linux, which was not found in PATH. Install util-linux.");
        var (code, id, _) = await RunAsync(["id", "-u", "--", name], ct);
        if (code != 0 || !uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var uid)) throw new UsageException($"--as: there is no user '{name}'. Make one: useradd --system --no-create-home --shell /usr/sbin/nologin {name}");
        if (uid == 0) throw new UsageException("--as root would protect nothing. Name a user without rights of its own.");
        if (uid.ToString(CultureInfo.InvariantCulture) == (await RunAsync(["id", "-u"], ct)).Output) throw new UsageException($"--as: '{name}' is the user that runs this already. Name another one.");
        if (!uint.TryParse((await RunAsync(["id", "-g", "--", name], ct)).Output, NumberStyles.None, CultureInfo.InvariantCulture, out var group)) throw new UsageException($"--as: the group of '{name}' is not known.");
        var user = new JobUser(name, uid, group, setPriv);
        var (tried, output, error) = await RunAsync([.. user.Prefix, "id", "-u"], ct);
        if (tried != 0 || output != id) throw new UsageException($"--as {name}: this process may not run commands as another user. It needs to be root, or CAP_SETUID, CAP_SETGID, CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_KILL. setpriv says: {error.Trim()}");
        foreach (var folder in closed)
            if ((await RunAsync([.. user.Prefix, "test", "-x", folder], ct)).Code == 0) throw new UsageException($"--as {name}: that user can enter {folder}, where the server's files are. Close it: chmod 700 {folder}");
        return user;
    }

    /// <summary>Words before a command.</summary>
    public IReadOnlyList<string> Prefix => [_setPriv, Invariant($"--reuid={Id}"), Invariant($"--regid={Group}"), "--clear-groups", "--inh-caps=-all", "--no-new-privs"];

    /// <summary>A shell text as this user. The variables come on standard input: what still runs with our rights (setsid, setpriv) must not see what the repository sets, such as PATH and LD_PRELOAD.</summary>
    public (IReadOnlyList<string> Command, string Input) Shell(string text, IReadOnlyDictionary<string, string> variables)
    {
        var exports = new StringBuilder();
        foreach (var (name, value) in variables)
            if (VariableName().IsMatch(name)) exports.Append(CultureInfo.InvariantCulture, $"export {name}='{value.Replace("'", @"'\''", StringComparison.Ordinal)}'\n");
        return ([.. Prefix, "/bin/sh", "-c", StepProcess.Limits + "eval \"$(cat)\"; exec </dev/null; exec sh -e -c \"$1\"", "sh", text], exports.ToString());
    }

    /// <summary>Gives the user everything under a folder; links themselves, never what they lead to.</summary>
    public Task OwnAsync(string folder, CancellationToken ct) => MustAsync(["chown", "-R", "-h", Invariant($"{Id}:{Group}"), "--", folder], ct);

    public async Task<bool> MayWriteAsync(string folder, CancellationToken ct) => (await RunAsync([.. Prefix, "test", "-w", folder], ct)).Code == 0;

    /// <summary>Copies what a step with the token brought, as the user: a link that a command has put in the way leads nowhere that it could not go itself.</summary>
    public Task BringAsync(string from, string to, CancellationToken ct) => MustAsync(["/bin/sh", "-c", """
        from=$1 to=$2; shift 2
        cd "$from" && git ls-files -z --others --modified -- . ':(exclude).pilothouse' | tar --null --no-recursion --mode=u+w -T - -cf - | "$@" tar -xf - -C "$to"
        """, "sh", from, to, .. Prefix], ct);

    public static async Task MustAsync(IReadOnlyList<string> command, CancellationToken ct)
    {
        var (code, _, error) = await RunAsync(command, ct);
        if (code != 0) throw new IOException($"{command[0]} failed: {error.Trim()}");
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(IReadOnlyList<string> command, CancellationToken ct)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var (output, error) = (process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
            await process.WaitForExitAsync(ct);
            return (process.ExitCode, (await output).Trim(), await error);
        }
        catch (Win32Exception e)
        {
            throw new UsageException($"'{command[0]}' cannot be started: {e.Message}");
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*$")]
    private static partial Regex VariableName();
}
