CREATE TABLE rpd_reproduction (
    id TEXT PRIMARY KEY,
    -- run or release
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    summary TEXT NOT NULL,
    -- The run that repeated it; null when it could not be repeated, and for releases.
    run_id TEXT,
    statement_digest TEXT NOT NULL,
    report_digest TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    time_ms BIGINT NOT NULL
);
CREATE INDEX rpd_reproduction_subject ON rpd_reproduction (subject_kind, subject_id, time_ms);
CREATE INDEX rpd_reproduction_time ON rpd_reproduction (time_ms);
CREATE INDEX rpd_reproduction_run ON rpd_reproduction (run_id);
