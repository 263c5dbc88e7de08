-- Sealed: see CiSecrets. NULL = no webhooks are taken (Travis needs none).
ALTER TABLE pip_connection ADD COLUMN webhook_secret TEXT;
ALTER TABLE pip_connection ADD COLUMN builds BIGINT NOT NULL DEFAULT 1;
ALTER TABLE pip_connection ADD COLUMN statuses BIGINT NOT NULL DEFAULT 0;
-- Job of pilothouse.yaml that the build is; NULL = of the connection itself.
ALTER TABLE pip_build ADD COLUMN job TEXT;
CREATE INDEX pip_build_commit ON pip_build (project, connection, commit_id);
-- Deliveries that were taken: each counts once.
CREATE TABLE pip_delivery (
    project TEXT NOT NULL,
    connection TEXT NOT NULL,
    id TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (project, connection, id)
);
CREATE INDEX pip_delivery_age ON pip_delivery (received_ms);
-- Statuses to tell other servers: one row for a check, a commit and a connection; a newer word replaces one that was not told yet.
CREATE TABLE pip_status_out (
    project TEXT NOT NULL,
    connection TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    context TEXT NOT NULL,
    revision BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- NULL = told, or given up (error).
    next_ms BIGINT,
    error TEXT,
    PRIMARY KEY (project, connection, commit_id, context)
);
CREATE INDEX pip_status_out_due ON pip_status_out (next_ms);
CREATE INDEX pip_status_recent ON pip_status (project, updated_ms);
