-- What MLflow's clients say and ask of a trace beside its spans. Every trace belongs to an experiment; what came without one is in the default experiment, 0.
-- Times and state are of the spans until a client gives final ones (info: 0 = it has not, 1 = by version 3 of the protocol, 2 = by version 2).
ALTER TABLE trc_trace ADD COLUMN experiment_id TEXT NOT NULL DEFAULT '0';
ALTER TABLE trc_trace ADD COLUMN request_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trc_trace ADD COLUMN execution_ms BIGINT;
ALTER TABLE trc_trace ADD COLUMN state TEXT NOT NULL DEFAULT 'OK';
ALTER TABLE trc_trace ADD COLUMN info BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trc_trace ADD COLUMN client_request_id TEXT;
ALTER TABLE trc_trace ADD COLUMN request_preview TEXT;
ALTER TABLE trc_trace ADD COLUMN response_preview TEXT;
ALTER TABLE trc_trace ADD COLUMN session_id TEXT;
ALTER TABLE trc_trace ADD COLUMN user_id TEXT;
ALTER TABLE trc_trace ADD COLUMN usage_input BIGINT;
ALTER TABLE trc_trace ADD COLUMN usage_output BIGINT;
ALTER TABLE trc_trace ADD COLUMN usage_total BIGINT;
ALTER TABLE trc_trace ADD COLUMN usage_cache_read BIGINT;
ALTER TABLE trc_trace ADD COLUMN usage_cache_write BIGINT;
ALTER TABLE trc_trace ADD COLUMN input_cost DOUBLE PRECISION;
ALTER TABLE trc_trace ADD COLUMN output_cost DOUBLE PRECISION;
UPDATE trc_trace SET request_ms = start_ms, execution_ms = CAST(duration_ms AS BIGINT), state = CASE WHEN errors > 0 THEN 'ERROR' ELSE 'OK' END,
    usage_input = CASE WHEN input_tokens + output_tokens > 0 THEN input_tokens END, usage_output = CASE WHEN input_tokens + output_tokens > 0 THEN output_tokens END,
    usage_total = CASE WHEN input_tokens + output_tokens > 0 THEN input_tokens + output_tokens END;
CREATE INDEX trc_trace_experiment ON trc_trace (experiment_id, request_ms, trace_id);
CREATE INDEX trc_trace_session ON trc_trace (session_id, start_ms, trace_id) WHERE session_id IS NOT NULL;

ALTER TABLE trc_span ADD COLUMN span_type TEXT;
ALTER TABLE trc_span ADD COLUMN status BIGINT NOT NULL DEFAULT 0; -- 0 unset, 1 ok, 2 error, as OpenTelemetry numbers them
ALTER TABLE trc_span ADD COLUMN provider TEXT;
ALTER TABLE trc_span ADD COLUMN input_cost DOUBLE PRECISION;
ALTER TABLE trc_span ADD COLUMN output_cost DOUBLE PRECISION;
ALTER TABLE trc_span ADD COLUMN cache_read BIGINT;
ALTER TABLE trc_span ADD COLUMN cache_write BIGINT;

-- A value may be longer than an index entry of PostgreSQL: the index holds its beginning.
CREATE TABLE trc_tag (trace_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (trace_id, key));
CREATE INDEX trc_tag_value ON trc_tag (key, substr(value, 1, 200));
CREATE TABLE trc_metadata (trace_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (trace_id, key));
CREATE INDEX trc_metadata_value ON trc_metadata (key, substr(value, 1, 200));
CREATE TABLE trc_run (run_id TEXT NOT NULL, trace_id TEXT NOT NULL, PRIMARY KEY (run_id, trace_id));
CREATE INDEX trc_run_trace ON trc_run (trace_id);
CREATE TABLE trc_prompt (name TEXT NOT NULL, version TEXT NOT NULL, trace_id TEXT NOT NULL, PRIMARY KEY (name, version, trace_id));
CREATE INDEX trc_prompt_trace ON trc_prompt (trace_id);

CREATE TABLE trc_assessment (
    assessment_id TEXT PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT, name TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, error TEXT,
    source_type TEXT NOT NULL, source_id TEXT, rationale TEXT, metadata TEXT, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, overrides TEXT, valid BIGINT NOT NULL
);
CREATE INDEX trc_assessment_trace ON trc_assessment (trace_id, created_ms);
CREATE INDEX trc_assessment_name ON trc_assessment (kind, name);

CREATE TABLE trc_issue (
    issue_id TEXT PRIMARY KEY, experiment_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, status TEXT NOT NULL, severity TEXT, root_causes TEXT NOT NULL,
    source_run_id TEXT, categories TEXT NOT NULL, created_by TEXT, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL
);
CREATE INDEX trc_issue_experiment ON trc_issue (experiment_id, created_ms, issue_id);
