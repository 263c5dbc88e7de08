-- Ids of experiments are never used twice, as MLflow promises.
CREATE TABLE trk_experiment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    artifact_location TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE TABLE trk_experiment_tag (experiment BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (experiment, key)) WITHOUT ROWID;

-- num is the run's key in all tables below: a few bytes where the id has 32.
CREATE TABLE trk_run (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    experiment BIGINT NOT NULL,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ms BIGINT NOT NULL,
    end_ms BIGINT,
    artifact_uri TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    deleted_ms BIGINT
);
CREATE INDEX trk_run_list ON trk_run (experiment, lifecycle, start_ms DESC, id);
CREATE TABLE trk_tag (run BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE trk_param (run BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;

CREATE TABLE trk_metric_key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- The whole row is the key: MLflow ignores the exact repeat of a point and keeps anything else. The order is that of get-history.
-- NaN is value 0 with is_nan 1, since SQLite stores NaN as NULL.
CREATE TABLE trk_metric (
    run BIGINT NOT NULL, key BIGINT NOT NULL, time_ms BIGINT NOT NULL, step BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL, is_nan BIGINT NOT NULL,
    PRIMARY KEY (run, key, time_ms, step, value, is_nan)
) WITHOUT ROWID;
-- The greatest point of each key by step, time, value: what runs/get and runs/search read instead of the history.
CREATE TABLE trk_latest (
    run BIGINT NOT NULL, key BIGINT NOT NULL, time_ms BIGINT NOT NULL, step BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL, is_nan BIGINT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE INDEX trk_latest_value ON trk_latest (key, value, run);

INSERT INTO trk_experiment (id, name, artifact_location, lifecycle, created_ms, updated_ms)
SELECT 0, 'Default', 'mlflow-artifacts:/0', 'active', CAST(strftime('%s','now') AS BIGINT) * 1000, CAST(strftime('%s','now') AS BIGINT) * 1000;
