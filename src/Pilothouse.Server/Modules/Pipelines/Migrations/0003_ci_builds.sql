CREATE TABLE pip_connection (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    system TEXT NOT NULL,
    url TEXT NOT NULL,
    target TEXT NOT NULL,
    account TEXT,
    -- Sealed: see CiSecrets.
    secret TEXT NOT NULL,
    build_ref TEXT,
    branches TEXT NOT NULL,
    on_registry BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (project, name)
);
CREATE TABLE pip_build (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    connection TEXT NOT NULL,
    system TEXT NOT NULL,
    cause TEXT NOT NULL,
    commit_id TEXT,
    build_ref TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What the client needs to follow it: queue item, pipeline id.
    handle TEXT,
    url TEXT,
    error TEXT,
    -- Tries since the last answer.
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX pip_build_project ON pip_build (project, id);
CREATE INDEX pip_build_due ON pip_build (state, next_ms);
