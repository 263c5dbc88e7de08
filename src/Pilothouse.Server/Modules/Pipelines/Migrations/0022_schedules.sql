CREATE TABLE pip_schedule (
    project TEXT NOT NULL,
    job TEXT NOT NULL,
    cron TEXT NOT NULL,
    -- '' = the default branch.
    branch TEXT NOT NULL,
    next_ms BIGINT NOT NULL,
    last_ms BIGINT,
    error TEXT,
    PRIMARY KEY (project, job, cron, branch)
);
CREATE INDEX pip_schedule_due ON pip_schedule (next_ms);
