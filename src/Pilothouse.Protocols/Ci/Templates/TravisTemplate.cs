using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Templates;

internal static class TravisTemplate
{
    public static string Write(string? baseline, IReadOnlyList<CiSchedule>? schedules) => $$"""
        # Written by 'pilothouse ci init travis'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        # Travis shows no test reports: the exit code is the gate, and the verdict stands beside the commit in Pilothouse.
        {{ScheduleNotes.Elsewhere("Travis (Settings > Cron Jobs: daily, weekly or monthly)", schedules)}}language: generic
        os: linux
        dist: jammy

        git:
          depth: false

        cache:
          directories:
            - .pilothouse/cache

        env:
          global:
            - PILOTHOUSE_CI=ci/travis
            - PILOTHOUSE_BASELINE={{baseline}}

        stages:
          - test

        jobs:
          include:
            - stage: test
              name: Suites and gates
              install: sh .pilothouse/ci.sh install
              script: sh .pilothouse/ci.sh test
              after_script: test ! -f .pilothouse/reports/report.md || cat .pilothouse/reports/report.md

        """.ReplaceLineEndings("\n");
}
