CREATE TABLE pkg_release (
    digest TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    commit_subject TEXT NOT NULL,
    size BIGINT NOT NULL,
    components TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX pkg_release_project ON pkg_release (project, created_ms);
CREATE TABLE pkg_evidence (
    release_digest TEXT NOT NULL,
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    artifact_type TEXT NOT NULL,
    evidence_type TEXT NOT NULL,
    name TEXT NOT NULL,
    verdict TEXT NOT NULL,
    summary TEXT NOT NULL,
    -- Evaluation, report or approver: one piece of evidence each.
    source_id TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    time_ms BIGINT NOT NULL,
    PRIMARY KEY (release_digest, evidence_type, source_id)
);
CREATE INDEX pkg_evidence_digest ON pkg_evidence (digest);
