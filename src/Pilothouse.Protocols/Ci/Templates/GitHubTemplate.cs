using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Templates;

internal static class GitHubTemplate
{
    public static string Write(string? baseline, IReadOnlyList<CiSchedule>? schedules) => $$$"""
        # Written by 'pilothouse ci init github'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        name: Pilothouse
        run-name: ${{ github.event.client_payload.build && format('Pilothouse build {0}', github.event.client_payload.build) }}

        on:
          push:
          pull_request:
          workflow_dispatch:
            inputs:
              baseline:
                description: Environment or revision to compare with; empty = only floors
                type: string
                default: "{{{baseline}}}"
          repository_dispatch:
            types: [pilothouse]{{{Schedule(schedules)}}}

        permissions:
          contents: read

        concurrency:
          # Of a pull request only the newest build counts. All others end, each in a group of its own: it is the verdict on a commit, and in one group a third would drop the one that waits.
          group: pilothouse-${{ github.event_name == 'pull_request' && github.ref || github.run_id }}
          cancel-in-progress: ${{ github.event_name == 'pull_request' }}

        jobs:
          test:
            name: Suites and gates
            runs-on: ubuntu-latest
            timeout-minutes: 60
            # A pull request from a fork has no secrets.
            if: github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository
            env:
              PILOTHOUSE_URL: ${{ vars.PILOTHOUSE_URL }}
              PILOTHOUSE_TOKEN: ${{ secrets.PILOTHOUSE_TOKEN }}
              PILOTHOUSE_BASELINE: ${{ github.event_name == 'workflow_dispatch' && inputs.baseline || '{{{baseline}}}' }}
              PILOTHOUSE_CI: ci/github
              PILOTHOUSE_CI_JOB: ${{ github.event.client_payload.job }}
            steps:
              - uses: actions/checkout@v7
                with:
                  ref: ${{ github.event.client_payload.commit || github.ref }}
                  fetch-depth: 0
                  persist-credentials: false
              - uses: actions/setup-dotnet@v6
                with:
                  dotnet-version: 10.0.x
              - uses: actions/cache@v5
                with:
                  path: .pilothouse/cache
                  key: pilothouse-v1-${{ hashFiles('pilothouse.yaml') }}
                  restore-keys: pilothouse-v1-
              - name: Install
                run: sh .pilothouse/ci.sh install
              - name: Test
                run: sh .pilothouse/ci.sh test
              - name: Keep the reports
                if: always()
                uses: actions/upload-artifact@v7
                with:
                  name: pilothouse
                  path: .pilothouse/reports
                  include-hidden-files: true
                  if-no-files-found: ignore

        """.ReplaceLineEndings("\n");

    private static string Schedule(IReadOnlyList<CiSchedule>? schedules)
    {
        if (schedules is { Count: 0 }) return "";
        var crons = schedules is null ? ["17 3 * * *"] : ScheduleNotes.Crons(schedules);
        var note = ScheduleNotes.OfBranches(schedules).Count > 0 ? "\n  # GitHub starts schedules on the default branch only." : "";
        return $"{note}\n  schedule:{string.Concat(crons.Select(c => $"\n    - cron: \"{c}\""))}";
    }
}
