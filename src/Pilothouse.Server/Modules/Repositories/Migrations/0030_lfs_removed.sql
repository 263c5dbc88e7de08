-- Objects that were taken away on purpose: a client is told so (410), not that they were never pushed. The id is in capitals: a record, not a name that keeps the content.
CREATE TABLE rep_lfs_removed (
    project TEXT NOT NULL,
    oid TEXT NOT NULL,
    size BIGINT NOT NULL,
    removed_by TEXT NOT NULL,
    removed_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (project, oid)
);
