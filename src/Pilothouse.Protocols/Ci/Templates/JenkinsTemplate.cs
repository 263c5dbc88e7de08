using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Templates;

internal static class JenkinsTemplate
{
    public static string Write(string? baseline, IReadOnlyList<CiSchedule>? schedules) => $$"""
        // Written by 'pilothouse ci init jenkins'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        pipeline {
            // Steps need sh: where there are agents on Windows too, choose others, such as agent { label 'linux' }.
            agent any
            options {
                buildDiscarder(logRotator(numToKeepStr: '50'))
                timeout(time: 60, unit: 'MINUTES')
                disableConcurrentBuilds()
                timestamps()
            }
            parameters {
                string(name: 'PILOTHOUSE_BASELINE', defaultValue: '{{baseline}}', description: 'Environment or revision to compare with; empty = only floors')
                string(name: 'PILOTHOUSE_CI_JOB', defaultValue: '', description: 'Job of pilothouse.yaml that this build is; given by the Pilothouse server')
                string(name: 'PILOTHOUSE_BUILD', defaultValue: '', description: 'Given by the Pilothouse server, which follows the build by it')
                string(name: 'PILOTHOUSE_COMMIT', defaultValue: '', description: 'Given by the Pilothouse server')
                string(name: 'PILOTHOUSE_REF', defaultValue: '', description: 'Given by the Pilothouse server')
            }
            {{Triggers(schedules)}}environment {
                PILOTHOUSE_TOKEN = credentials('pilothouse-token')
                PILOTHOUSE_CI = 'ci/jenkins'
            }
            stages {
                stage('Install') {
                    steps {
                        sh 'sh .pilothouse/ci.sh install'
                    }
                }
                stage('Test') {
                    steps {
                        sh 'sh .pilothouse/ci.sh test'
                    }
                }
            }
            post {
                always {
                    // The exit code decides; JUnit tells which gate it was.
                    junit testResults: '.pilothouse/reports/junit.xml', allowEmptyResults: true, keepProperties: true, skipMarkingBuildUnstable: true
                    archiveArtifacts artifacts: '.pilothouse/reports/**', allowEmptyArchive: true, fingerprint: true
                }
            }
        }

        """.ReplaceLineEndings("\n");

    /// <summary>Without one of the project's own, each night at a time that Jenkins chooses; else in UTC, whatever the controller's time zone.</summary>
    private static string Triggers(IReadOnlyList<CiSchedule>? schedules) => schedules is { Count: 0 } ? ""
        : $"triggers {{\n        cron('{(schedules is null ? "H H(2-4) * * *" : string.Join("\\n", ScheduleNotes.Crons(schedules).Prepend("TZ=Etc/UTC")))}')\n    }}\n    ";
}
