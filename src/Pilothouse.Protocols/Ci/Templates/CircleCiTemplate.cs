namespace Pilothouse.Protocols.Ci.Templates;

internal static class CircleCiTemplate
{
    public static string Write(string? baseline) => $$$"""
        # Written by 'pilothouse ci init circleci'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        version: 2.1

        parameters:
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
