-- How much a project may keep.
CREATE TABLE blb_quota (project TEXT PRIMARY KEY, bytes BIGINT NOT NULL, set_by TEXT NOT NULL, set_ms BIGINT NOT NULL);
-- The last scrub and the last collection of the whole store.
CREATE TABLE blb_care (kind TEXT PRIMARY KEY, started_ms BIGINT NOT NULL, report TEXT NOT NULL);
