-- Contents that a pilothouse.lock of some commit pins: named here, they are not collected.
CREATE TABLE rep_lock_blob (
    project TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (project, digest)
);
CREATE INDEX rep_lock_blob_digest ON rep_lock_blob (digest);
