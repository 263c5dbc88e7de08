CREATE TABLE rep_lfs_object (
    project TEXT NOT NULL,
    oid TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (project, oid)
);
CREATE TABLE rep_lfs_lock (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    path TEXT NOT NULL,
    owner TEXT NOT NULL,
    ref TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (project, path)
);
CREATE INDEX rep_lfs_lock_project ON rep_lfs_lock (project, id);
