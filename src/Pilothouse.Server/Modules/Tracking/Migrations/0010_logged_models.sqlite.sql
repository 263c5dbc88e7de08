-- Logged models: a name, params and files that one run made, and the metrics measured on it later by any run.
-- status is MLflow's number: 1 pending, 2 ready, 3 upload failed.
CREATE TABLE trk_model (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    experiment BIGINT NOT NULL,
    name TEXT NOT NULL,
    model_type TEXT NOT NULL,
    source_run TEXT NOT NULL,
    status BIGINT NOT NULL,
    artifact_uri TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    deleted_ms BIGINT
);
CREATE INDEX trk_model_list ON trk_model (experiment, lifecycle, created_ms DESC, num DESC);
CREATE TABLE trk_model_tag (model BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE TABLE trk_model_param (model BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (model, key)) WITHOUT ROWID;
-- The points of a run that name a model, once more: a model's metrics are asked by model and by data set.
CREATE TABLE trk_model_metric (
    model BIGINT NOT NULL, name TEXT NOT NULL, dataset_name TEXT NOT NULL, dataset_digest TEXT NOT NULL, time_ms BIGINT NOT NULL, step BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL, is_nan BIGINT NOT NULL, run BIGINT NOT NULL,
    PRIMARY KEY (model, name, dataset_name, dataset_digest, time_ms, step, value, is_nan, run)
) WITHOUT ROWID;
CREATE INDEX trk_model_metric_run ON trk_model_metric (run);

-- Data sets that runs read: one row for each name and digest of an experiment, however many runs read it.
CREATE TABLE trk_dataset (
    num INTEGER PRIMARY KEY,
    experiment BIGINT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema_text TEXT,
    profile_text TEXT,
    UNIQUE (experiment, name, digest)
);
CREATE TABLE trk_input (run BIGINT NOT NULL, dataset BIGINT NOT NULL, PRIMARY KEY (run, dataset)) WITHOUT ROWID;
CREATE INDEX trk_input_dataset ON trk_input (dataset, run);
CREATE TABLE trk_input_tag (run BIGINT NOT NULL, dataset BIGINT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, dataset, key)) WITHOUT ROWID;
CREATE TABLE trk_model_input (run BIGINT NOT NULL, model TEXT NOT NULL, PRIMARY KEY (run, model)) WITHOUT ROWID;
CREATE TABLE trk_model_output (run BIGINT NOT NULL, model TEXT NOT NULL, step BIGINT NOT NULL, PRIMARY KEY (run, model)) WITHOUT ROWID;
