-- One row a span, immutable. Lists and summaries read the compact columns; the payload (compressed JSON of the whole span) is for the detail view only.
CREATE TABLE trc_span (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT, name TEXT NOT NULL, service TEXT, environment TEXT, release_digest TEXT,
    start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL, is_error BIGINT NOT NULL,
    operation TEXT, model TEXT, response_id TEXT, input_tokens BIGINT, output_tokens BIGINT, richness BIGINT NOT NULL,
    input_text TEXT, output_text TEXT, payload BLOB NOT NULL,
    PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
-- One row a trace: what the list shows, derived from its spans in the transaction that adds them.
CREATE TABLE trc_trace (
    trace_id TEXT PRIMARY KEY, name TEXT NOT NULL, service TEXT, model TEXT, release_digest TEXT, environment TEXT, start_ms BIGINT NOT NULL, duration_ms DOUBLE PRECISION NOT NULL,
    spans BIGINT NOT NULL, errors BIGINT NOT NULL, input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, input_text TEXT, output_text TEXT
);
CREATE INDEX trc_trace_start ON trc_trace (start_ms, trace_id);
CREATE INDEX trc_trace_environment ON trc_trace (environment, start_ms, trace_id);
CREATE INDEX trc_trace_release ON trc_trace (release_digest, start_ms, trace_id);
CREATE INDEX trc_trace_model ON trc_trace (model, start_ms, trace_id);
CREATE INDEX trc_trace_service ON trc_trace (service, start_ms, trace_id);
