CREATE TABLE rep_branch_rule (
    project TEXT NOT NULL,
    pattern TEXT NOT NULL,
    allow_force BIGINT NOT NULL,
    allow_deletion BIGINT NOT NULL,
    pushers TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (project, pattern)
);
CREATE TABLE rep_push (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    actor TEXT NOT NULL,
    updates TEXT NOT NULL,
    options TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX rep_push_project ON rep_push (project, id);
