-- MLflow's evaluation data sets and scorers. Tags, schema, inputs and the rest are JSON.
CREATE TABLE evl_dataset (
    dataset_id TEXT PRIMARY KEY, name TEXT NOT NULL, schema_json TEXT, records BIGINT NOT NULL, has_profile BIGINT NOT NULL, digest TEXT NOT NULL,
    created_by TEXT, updated_by TEXT, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL
);
CREATE INDEX evl_dataset_created ON evl_dataset (created_ms, dataset_id);
CREATE INDEX evl_dataset_name ON evl_dataset (name);
CREATE TABLE evl_dataset_tag (dataset_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (dataset_id, key));
CREATE TABLE evl_dataset_experiment (dataset_id TEXT NOT NULL, experiment_id TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (dataset_id, experiment_id));
CREATE INDEX evl_dataset_experiment_id ON evl_dataset_experiment (experiment_id);
-- A record is known by its inputs: input_hash is the SHA-256 of their JSON with sorted keys.
CREATE TABLE evl_dataset_record (
    dataset_id TEXT NOT NULL, input_hash TEXT NOT NULL, record_id TEXT NOT NULL, inputs TEXT NOT NULL, outputs TEXT, expectations TEXT, tags TEXT NOT NULL, source TEXT, source_type TEXT, source_id TEXT,
    created_by TEXT, updated_by TEXT, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, PRIMARY KEY (dataset_id, input_hash)
);
CREATE UNIQUE INDEX evl_dataset_record_id ON evl_dataset_record (record_id);
CREATE INDEX evl_dataset_record_order ON evl_dataset_record (dataset_id, record_id);

CREATE TABLE evl_scorer (scorer_id TEXT PRIMARY KEY, experiment_id TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (experiment_id, name));
CREATE TABLE evl_scorer_version (scorer_id TEXT NOT NULL, version BIGINT NOT NULL, serialized TEXT NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (scorer_id, version));
