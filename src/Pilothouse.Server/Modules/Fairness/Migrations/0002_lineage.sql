-- Models and data sets that a report used.
CREATE TABLE fai_edge (
    report_id TEXT NOT NULL,
    relation TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    PRIMARY KEY (report_id, relation, source_kind, source_id)
);
CREATE INDEX fai_edge_source ON fai_edge (source_kind, source_id);
CREATE INDEX fai_report_commit ON fai_report (commit_id);
