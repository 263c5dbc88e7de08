CREATE TABLE pip_job (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    project TEXT,
    command TEXT NOT NULL,
    working_directory TEXT,
    variables TEXT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    on_crash TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    not_before_ms BIGINT NOT NULL,
    cancel_requested BIGINT NOT NULL,
    exit_code BIGINT,
    log_digest TEXT,
    error TEXT,
    -- Who runs it: a job of this worker that is running when the worker starts was cut off by a crash.
    worker TEXT,
    heartbeat_ms BIGINT NOT NULL,
    process_id BIGINT,
    process_started_ms BIGINT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    finished_ms BIGINT
);
CREATE INDEX pip_job_queue ON pip_job (status, not_before_ms, id);
