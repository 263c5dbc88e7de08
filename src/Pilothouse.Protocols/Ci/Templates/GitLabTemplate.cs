using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Templates;

internal static class GitLabTemplate
{
    public static string Write(string? baseline, IReadOnlyList<CiSchedule>? schedules) => $$"""
        # Written by 'pilothouse ci init gitlab'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        {{ScheduleNotes.Elsewhere("GitLab (Build > Pipeline schedules)", schedules)}}stages:
          - test

        workflow:
          rules:
            - if: $CI_PIPELINE_SOURCE == "merge_request_event"
            # A branch with an open merge request has its pipeline already.
            - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS
              when: never
            - when: always

        pilothouse:
          stage: test
          image: mcr.microsoft.com/dotnet/sdk:10.0
          timeout: 1h
          # Where GitLab cancels redundant pipelines, a newer commit's takes the place of this one.
          interruptible: true
          variables:
            GIT_DEPTH: "0"
            PILOTHOUSE_CI: ci/gitlab
            PILOTHOUSE_BASELINE: "{{baseline}}"
          cache:
            key: pilothouse-v1
            paths:
              - .pilothouse/cache
          script:
            - sh .pilothouse/ci.sh install
            - sh .pilothouse/ci.sh test
          artifacts:
            when: always
            expire_in: 30 days
            paths:
              - .pilothouse/reports
            reports:
              junit: .pilothouse/reports/junit.xml

        """.ReplaceLineEndings("\n");
}
