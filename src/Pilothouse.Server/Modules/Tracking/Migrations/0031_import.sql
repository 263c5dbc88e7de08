-- Runs that came whole from another store, as they were there: a repeated import passes over those that have not changed.
CREATE TABLE trk_import (run BIGINT PRIMARY KEY, status TEXT NOT NULL, end_ms BIGINT, done_ms BIGINT NOT NULL);
