-- Runs whose capture says that it lives; a row goes when the run ends.
CREATE TABLE trk_heartbeat (run BIGINT PRIMARY KEY, last_ms BIGINT NOT NULL, interval_ms BIGINT NOT NULL);
-- Output of runs while they run, in pieces; the whole becomes an artifact when the run ends.
CREATE TABLE trk_log (run BIGINT NOT NULL, stream TEXT NOT NULL, pos BIGINT NOT NULL, size BIGINT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (run, stream, pos));
