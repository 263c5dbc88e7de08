using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Templates;

internal static class CircleCiTemplate
{
    public static string Write(string? baseline, IReadOnlyList<CiSchedule>? schedules) => $$$"""
        # Written by 'pilothouse ci init circleci'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        {{{ScheduleNotes.Elsewhere("CircleCI (Project Settings > Triggers)", schedules)}}}version: 2.1

        parameters:
          pilothouse_job:
            description: Job of pilothouse.yaml that this pipeline is; given by the Pilothouse server
            type: string
            default: ""
          baseline:
            description: Environment or revision to compare with; empty = only floors
            type: string
            default: "{{{baseline}}}"

        jobs:
          test:
            docker:
              - image: mcr.microsoft.com/dotnet/sdk:10.0
            resource_class: medium
            environment:
              PILOTHOUSE_CI: ci/circleci
              PILOTHOUSE_CI_JOB: << pipeline.parameters.pilothouse_job >>
              PILOTHOUSE_BASELINE: << pipeline.parameters.baseline >>
            steps:
              - checkout:
                  method: full
              - restore_cache:
                  keys:
                    - pilothouse-v1-{{ checksum "pilothouse.yaml" }}
                    - pilothouse-v1-
              - run:
                  name: Install
                  command: sh .pilothouse/ci.sh install
              - run:
                  name: Test
                  command: sh .pilothouse/ci.sh test
                  no_output_timeout: 60m
              - save_cache:
                  key: pilothouse-v1-{{ checksum "pilothouse.yaml" }}
                  paths:
                    - .pilothouse/cache
                  when: always
              - store_test_results:
                  path: .pilothouse/reports
              - store_artifacts:
                  path: .pilothouse/reports
                  destination: pilothouse

        workflows:
          pilothouse:
            jobs:
              - test:
                  context:
                    - pilothouse

        """.ReplaceLineEndings("\n");
}
