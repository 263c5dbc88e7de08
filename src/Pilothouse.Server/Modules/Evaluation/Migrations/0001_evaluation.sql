CREATE TABLE evl_evaluation (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    baseline_commit TEXT,
    request TEXT NOT NULL,
    status TEXT NOT NULL,
    verdict TEXT,
    reason TEXT,
    cases BIGINT NOT NULL,
    done BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    finished_ms BIGINT,
    digest TEXT
);
CREATE INDEX evl_evaluation_project ON evl_evaluation (project, commit_id, id);
CREATE INDEX evl_evaluation_status ON evl_evaluation (status);
-- One row a case; idx counts over all suites of the evaluation. doc = the wire record.
CREATE TABLE evl_case (
    evaluation_id TEXT NOT NULL,
    idx BIGINT NOT NULL,
    suite TEXT NOT NULL,
    outcome TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (evaluation_id, idx)
);
-- Answers by everything that shapes them: model digest, messages, parameters.
CREATE TABLE evl_response (
    key TEXT PRIMARY KEY,
    output TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX evl_response_created ON evl_response (created_ms);
