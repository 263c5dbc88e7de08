-- Models, data sets and suites that an evaluation used.
CREATE TABLE evl_edge (
    evaluation_id TEXT NOT NULL,
    relation TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    PRIMARY KEY (evaluation_id, relation, source_kind, source_id)
);
CREATE INDEX evl_edge_source ON evl_edge (source_kind, source_id);
CREATE INDEX evl_evaluation_commit ON evl_evaluation (commit_id);
CREATE INDEX evl_evaluation_baseline ON evl_evaluation (baseline_commit);
