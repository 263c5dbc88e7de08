namespace Pilothouse.Protocols.Ci.Templates;

internal static class JenkinsTemplate
{
    public static string Write(string? baseline) => $$"""
        // Written by 'pilothouse ci init jenkins'. What it runs is in .pilothouse/ci.sh; check it with 'pilothouse ci lint'.
        pipeline {
            agent any
            options {
                buildDiscarder(logRotator(numToKeepStr: '50'))
                timeout(time: 60, unit: 'MINUTES')
                disableConcurrentBuilds()
                timestamps()
            }
            parameters {
                string(name: 'PILOTHOUSE_BASELINE', defaultValue: '{{baseline}}', description: 'Environment or revision to compare with; empty = only floors')
            }
            triggers {
                cron('H H(2-4) * * *')
            }
            environment {
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
}
