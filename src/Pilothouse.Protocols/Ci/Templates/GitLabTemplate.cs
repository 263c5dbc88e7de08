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
            # Of a merge request only the newest pipeline counts; a branch's all end: each is the verdict on a commit.
            - if: $CI_PIPELINE_SOURCE == "merge_request_event"
              auto_cancel:
                on_new_commit: interruptible
            # A branch with an open merge request has its pipeline already.
            - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS
              when: never
            - when: always
              auto_cancel:
                on_new_commit: none

        pilothouse:
          stage: test
          # The script needs sh: where there are runners on Windows too, choose others with tags.
          image: mcr.microsoft.com/dotnet/sdk:10.0
          timeout: 1h
          # See workflow: above.
          interruptible: true
          variables:
            GIT_DEPTH: "0"
            PILOTHOUSE_CI: ci/gitlab
            PILOTHOUSE_BASELINE: "{{baseline}}"
          cache:
            key: pilothouse-v1
            when: always
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
