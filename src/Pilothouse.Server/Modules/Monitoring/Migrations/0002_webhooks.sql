-- Webhooks of registry events, as MLflow's clients manage them. Their deliveries lie in the same outbox as those of alerts.
CREATE TABLE mon_webhook (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT,
    status TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
ALTER TABLE mon_delivery ADD COLUMN webhook_id TEXT;
