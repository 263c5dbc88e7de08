-- Named states of the pages of an experiment.
CREATE TABLE trk_view (
    experiment BIGINT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, actor TEXT NOT NULL, updated_ms BIGINT NOT NULL,
    PRIMARY KEY (experiment, name)
);
-- Children of a run: found by the value of one tag.
CREATE INDEX trk_tag_parent ON trk_tag (value, run) WHERE key = 'mlflow.parentRunId';
