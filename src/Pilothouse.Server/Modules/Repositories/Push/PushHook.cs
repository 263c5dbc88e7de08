using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>
/// The pre-receive hook of all repositories: a few lines of shell that hand the refs and push options to this server by a pipe and wait for its word, so a push starts no second .NET. When the
/// server is killed the pipe ends, and the hook refuses: git then throws away what it received.
/// </summary>
internal sealed class PushHook(ServerOptions server, Ids ids)
{
    /// <summary>Variable that names the directory with the two pipes of this push.</summary>
    public const string Variable = "PILOTHOUSE_PUSH";

    // The refs come before the options: an option may hold line ends, and whatever stands behind them must not pass for a ref or for the end of the refs.
    // Opening both ends first never waits; closing the write end again lets the read see the end when the server is gone.
    private const string Script = """
        #!/bin/sh
        # Asks the server whether this push may come in. Made at each start; changes are lost.
        test -n "$PILOTHOUSE_PUSH" || { echo "pushes come in through the server" >&2; exit 1; }
        exec 5<>"$PILOTHOUSE_PUSH/request" 3<>"$PILOTHOUSE_PUSH/answer" || exit 1
        exec 4<"$PILOTHOUSE_PUSH/answer" 3>&-
        {
          printf 'quarantine %s\n' "$GIT_QUARANTINE_PATH"
          cat
          echo options
          n=0
          while test "$n" -lt "${GIT_PUSH_OPTION_COUNT:-0}"; do
            eval "o=\$GIT_PUSH_OPTION_$n"
            printf 'option %s\n' "$o"
            n=$((n + 1))
          done
          echo end
        } >&5
        exec 5>&-
        while IFS= read -r line <&4; do
          case "$line" in
            accept) exit 0 ;;
            refuse) exit 1 ;;
            *) printf '%s\n' "${line#say }" >&2 ;;
          esac
        done
        echo "the server went away while it checked this push; try again" >&2
        exit 1

        """;

    private readonly Lazy<string> _folder = new(() => Install(Path.Combine(server.Data, "hooks")));

    /// <summary>Directory for <c>core.hooksPath</c>.</summary>
    public string Folder => _folder.Value;

    /// <summary>The pipes of one push.</summary>
    /// <exception cref="PilothouseException">Unsupported: a system without named pipes in the file system.</exception>
    public PushChannel Open() => PushChannel.Open(Path.Combine(server.TemporaryPath, "push-" + ids.New()));

    private static string Install(string folder)
    {
        Directory.CreateDirectory(folder);
        var (hook, fresh) = (Path.Combine(folder, "pre-receive"), Path.Combine(folder, "pre-receive.new"));
        File.WriteAllText(fresh, Script.ReplaceLineEndings("\n"));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(fresh, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Move(fresh, hook, overwrite: true);
        return folder;
    }
}
