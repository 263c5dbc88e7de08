CREATE TABLE rep_project (
    name TEXT PRIMARY KEY,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    default_branch TEXT NOT NULL
);
