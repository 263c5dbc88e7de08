namespace Pilothouse.Protocols.Ci.Templates;

/// <summary>The shell script that every pipeline runs, so that a build on a CI system and one by hand do the same.</summary>
internal static class ScriptTemplate
{
    public static string Write(string project) => Text.ReplaceLineEndings("\n").Replace("@PROJECT@", project, StringComparison.Ordinal);

    // Tokens go through the environment and standard input, never through arguments that others on the machine can read.
    private const string Text = """
        #!/bin/sh
        # Written by 'pilothouse ci init'. Needs sh, git, curl and tar.
        #   sh .pilothouse/ci.sh install   brings the command line, of the server's own version, into .pilothouse/cache
        #   sh .pilothouse/ci.sh test      gives this commit to the server, runs suites, gates and fairness checks,
        #                                  writes .pilothouse/reports, reports the verdict back to the server
        # PILOTHOUSE_URL, PILOTHOUSE_TOKEN   the server, and a token of the role writer
        # PILOTHOUSE_PROJECT                 default: @PROJECT@
        # PILOTHOUSE_BASELINE                an environment or revision to compare with; empty = only floors
        # PILOTHOUSE_CI                      name of this check, such as ci/jenkins
        # PILOTHOUSE_CI_JOB                  job of pilothouse.yaml that the server started this build for; joins the name: ci/jenkins/JOB
        # PILOTHOUSE_COMMIT                  commit that the server started this build for; default: the one that is checked out
        # Exit code of test: 0 pass, 1 fail, 2 usage, 3 inconclusive or not comparable, 4 infrastructure, 5 stale pilothouse.lock, 6 stopped by its budget.
        set -eu
        fail() { echo "pilothouse ci: $1" >&2; exit 4; }

        # CircleCI and Travis build forks without secrets: that is no verdict, so it is no success.
        if [ -z "${PILOTHOUSE_URL:-}" ] && { [ -n "${CIRCLE_PR_REPONAME:-}" ] || [ "${TRAVIS_SECURE_ENV_VARS:-}" = false ]; }; then
            fail "a build of a fork gets no secrets, so nothing was judged. Whoever may push to the repository runs it: push the commit to a branch there"
        fi
        [ -n "${PILOTHOUSE_URL:-}" ] || fail "PILOTHOUSE_URL is not set. Set it to the address of the Pilothouse server"
        url=${PILOTHOUSE_URL%/}
        project=${PILOTHOUSE_PROJECT:-@PROJECT@}
        cache=.pilothouse/cache
        reports=.pilothouse/reports
        context=${PILOTHOUSE_CI:-ci/script}${PILOTHOUSE_CI_JOB:+/$PILOTHOUSE_CI_JOB}
        export PILOTHOUSE_CACHE="$PWD/$cache/digests"

        fetch() {
            if [ -n "${PILOTHOUSE_TOKEN:-}" ]; then
                printf 'header = "Authorization: Bearer %s"\n' "$PILOTHOUSE_TOKEN" | curl -fsSL --retry 3 --connect-timeout 20 -K - "$@"
            else
                curl -fsSL --retry 3 --connect-timeout 20 "$@"
            fi
        }

        install() {
            mkdir -p "$cache" "$reports"
            printf '*\n' >"$cache/.gitignore"
            printf '*\n' >"$reports/.gitignore"
            version=$(fetch "$url/api/v1/cli/version") || fail "the server $url does not answer, or refuses PILOTHOUSE_TOKEN"
            cli_folder=$cache/cli-$version
            if [ ! -f "$cli_folder/pilothouse.dll" ]; then
                rm -rf "$cache"/cli-*
                mkdir -p "$cli_folder.new"
                fetch -o "$cache/cli.tar.gz" "$url/api/v1/cli" || fail "the command line cannot be fetched from $url"
                tar -xzf "$cache/cli.tar.gz" -C "$cli_folder.new"
                rm "$cache/cli.tar.gz"
                mv "$cli_folder.new" "$cli_folder"
            fi
            dotnet=dotnet
            if ! command -v dotnet >/dev/null 2>&1 || ! dotnet --list-runtimes | grep -q '^Microsoft.AspNetCore.App 10\.'; then
                dotnet=$PWD/$cache/dotnet/dotnet
                if [ ! -x "$dotnet" ]; then
                    command -v bash >/dev/null 2>&1 || fail "the .NET 10 runtime is not installed, and its installer needs bash"
                    curl -fsSL --retry 3 -o "$cache/dotnet-install.sh" https://dot.net/v1/dotnet-install.sh || fail "the .NET 10 runtime is not installed and cannot be fetched"
                    bash "$cache/dotnet-install.sh" --channel 10.0 --runtime aspnetcore --install-dir "$cache/dotnet"
                fi
            fi
        }

        cli() { "$dotnet" "$cli_folder/pilothouse.dll" "$@"; }

        # The server judges commits that it has. One of a CI build goes to a ref of its own, which moves no branch and starts no pipeline there.
        submit() {
            head=$(git rev-parse --verify HEAD) || fail "this is no Git repository with a commit"
            # A branch may have moved since the server started the build: what it asked about is judged.
            commit=${PILOTHOUSE_COMMIT:-$head}
            if [ "$(git rev-parse --is-shallow-repository)" = true ]; then git fetch -q --unshallow || fail "the clone is shallow: its history is needed"; fi
            if [ -n "${PILOTHOUSE_TOKEN:-}" ]; then
                export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader GIT_CONFIG_VALUE_0="Authorization: Bearer $PILOTHOUSE_TOKEN"
            fi
            # One that is not here is one that the server has.
            ! git cat-file -e "$commit^{commit}" 2>/dev/null || git push -q -o ci.skip "$url/git/$project.git" "$commit:refs/ci/$commit" || fail "the server did not take commit $commit of project $project"
            unset GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 || true
        }

        build_url() {
            if [ -n "${GITHUB_RUN_ID:-}" ]; then
                echo "${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
            else
                echo "${BUILD_URL:-${CIRCLE_BUILD_URL:-${TRAVIS_BUILD_WEB_URL:-${CI_JOB_URL:-}}}}"
            fi
        }

        report() {
            cli ci status --project "$project" --commit "$commit" --context "$context" --state "$1" --description "$2" --url "$(build_url)" ||
                echo "pilothouse ci: the verdict could not be reported to the server" >&2
        }

        # However the build ends, cancelled or out of time too, the check does not stay pending.
        ended() {
            code=$?
            trap - EXIT HUP INT TERM
            for process in $beat $judging; do kill "$process" 2>/dev/null || true; done
            report "$state" "$text"
            exit "$code"
        }

        run_test() {
            install
            submit
            state=error text="the build was ended before there was a verdict" beat="" judging=""
            trap ended EXIT
            trap 'exit 143' HUP INT TERM
            report pending "the build runs"
            # Travis ends what is silent for ten minutes.
            if [ -n "${TRAVIS:-}" ]; then
                (while sleep 240; do echo "pilothouse ci: the evaluation goes on"; done) &
                beat=$!
            fi
            rm -f "$reports/junit.xml" "$reports/report.md" "$reports/report.html"
            code=0
            set -- --project "$project" --commit "$commit" --junit "$reports/junit.xml" --markdown "$reports/report.md" --html "$reports/report.html"
            if [ -n "${PILOTHOUSE_BASELINE:-}" ]; then set -- "$@" --baseline "$PILOTHOUSE_BASELINE"; fi
            # In the background, since a shell that waits for a program in front hears no signal before its end.
            "$dotnet" "$cli_folder/pilothouse.dll" test "$@" &
            judging=$!
            wait "$judging" || code=$?
            judging=""
            case $code in
                0) state=success text="all gates passed" ;;
                1) state=failure text="a gate failed" ;;
                3) state=failure text="no verdict: inconclusive, or not comparable" ;;
                2) state=error text="the call or a file is wrong" ;;
                5) state=error text="pilothouse.lock is stale: pilothouse lock, commit and push it" ;;
                6) state=failure text="no verdict: stopped by its budget" ;;
                *) state=error text="the evaluation could not run" ;;
            esac
            if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$reports/report.md" ]; then cat "$reports/report.md" >>"$GITHUB_STEP_SUMMARY"; fi
            if [ -n "${GITHUB_ACTIONS:-}" ] && [ "$code" -ne 0 ]; then echo "::error title=Pilothouse::$text"; fi
            exit "$code"
        }

        case ${1:-} in
            install) install ;;
            test) run_test ;;
            *) echo "usage: sh .pilothouse/ci.sh install|test" >&2; exit 2 ;;
        esac

        """;
}
