CREATE TABLE fai_report (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    digest TEXT NOT NULL,
    -- The wire record: lists need no blob.
    doc TEXT NOT NULL
);
CREATE INDEX fai_report_project ON fai_report (project, commit_id, id);
