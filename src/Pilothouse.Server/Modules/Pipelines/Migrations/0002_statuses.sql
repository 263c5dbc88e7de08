CREATE TABLE pip_status (
    project TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    context TEXT NOT NULL,
    state TEXT NOT NULL,
    description TEXT,
    target_url TEXT,
    updated_by TEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (project, commit_id, context)
);
