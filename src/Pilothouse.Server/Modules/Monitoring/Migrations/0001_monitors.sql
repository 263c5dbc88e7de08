CREATE TABLE mon_monitor (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    arm TEXT NOT NULL,
    name TEXT NOT NULL,
    release_digest TEXT NOT NULL,
    -- V1 MonitorDefinition, with every webhook in it.
    definition TEXT NOT NULL,
    -- State of the e-process. Losing it would spend the false-alarm probability twice.
    evidence TEXT NOT NULL,
    active BIGINT NOT NULL,
    alert_id TEXT,
    started_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX mon_monitor_environment ON mon_monitor (environment, active, started_ms);
CREATE TABLE mon_alert (
    id TEXT PRIMARY KEY,
    monitor_id TEXT NOT NULL,
    monitor TEXT NOT NULL,
    environment TEXT NOT NULL,
    arm TEXT NOT NULL,
    release_digest TEXT NOT NULL,
    status TEXT NOT NULL,
    summary TEXT NOT NULL,
    labels TEXT NOT NULL,
    webhooks TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT
);
CREATE INDEX mon_alert_environment ON mon_alert (environment, id);
-- An outbox: written with the alert, sent afterwards, at least once.
CREATE TABLE mon_delivery (
    id TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL,
    url TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX mon_delivery_alert ON mon_delivery (alert_id, id);
CREATE INDEX mon_delivery_due ON mon_delivery (status, next_ms);
