CREATE TABLE pip_ci_job (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    build_ref TEXT NOT NULL,
    name TEXT NOT NULL,
    cause TEXT NOT NULL,
    runner TEXT NOT NULL,
    state TEXT NOT NULL,
    required BIGINT NOT NULL,
    needs TEXT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    -- What runs it: a row of pip_job or of pip_build.
    job_id TEXT,
    build_id TEXT,
    url TEXT,
    error TEXT,
    tests BIGINT,
    failures BIGINT,
    -- Paths and digests of what was kept.
    artifacts TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    finished_ms BIGINT
);
CREATE INDEX pip_ci_job_commit ON pip_ci_job (project, commit_id, name, id);
CREATE INDEX pip_ci_job_project ON pip_ci_job (project, id);
CREATE INDEX pip_ci_job_state ON pip_ci_job (state, id);
