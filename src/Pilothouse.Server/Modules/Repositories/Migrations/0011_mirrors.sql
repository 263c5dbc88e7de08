CREATE TABLE rep_mirror (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    direction TEXT NOT NULL,
    url TEXT NOT NULL,
    user_name TEXT NOT NULL,
    secret TEXT NOT NULL,
    interval_s BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    due_ms BIGINT,
    last_ms BIGINT,
    last_ok_ms BIGINT,
    failures BIGINT NOT NULL,
    last_error TEXT,
    UNIQUE (project, direction, url)
);
CREATE INDEX rep_mirror_due ON rep_mirror (due_ms);
