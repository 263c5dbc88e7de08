-- TensorBoard event files of runs: imported ones and those among the artifacts. position: up to here everything is stored, in the same transaction as the points.
CREATE TABLE trk_event_file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run BIGINT NOT NULL,
    name TEXT NOT NULL,
    folder TEXT NOT NULL,
    head BLOB NOT NULL,
    position BIGINT NOT NULL,
    size BIGINT NOT NULL,
    events BIGINT NOT NULL,
    points BIGINT NOT NULL,
    media BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    step_backs BIGINT NOT NULL,
    notes BIGINT NOT NULL,
    state TEXT NOT NULL,
    pending TEXT,
    updated_ms BIGINT NOT NULL,
    UNIQUE (run, name)
);
CREATE INDEX trk_event_file_pending ON trk_event_file (updated_ms) WHERE pending IS NOT NULL;
CREATE TABLE trk_event_note (file BIGINT NOT NULL, n BIGINT NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (file, n));
-- What must be known to read on in the middle: writers put metadata with the first value of a tag only.
CREATE TABLE trk_event_tag (
    run BIGINT NOT NULL, folder TEXT NOT NULL, tag BLOB NOT NULL, described BIGINT NOT NULL, plugin TEXT NOT NULL, content BLOB NOT NULL,
    display_name TEXT NOT NULL, description TEXT NOT NULL, data_class BIGINT NOT NULL, PRIMARY KEY (run, folder, tag)
);
CREATE TABLE trk_event_stream (
    run BIGINT NOT NULL, folder TEXT NOT NULL, file_version DOUBLE PRECISION, seen_start BIGINT NOT NULL, last_step BIGINT, first_ms BIGINT, last_ms BIGINT, trial TEXT, PRIMARY KEY (run, folder)
);
-- Directories that were imported, and the runs they became.
CREATE TABLE trk_event_source (experiment BIGINT NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (experiment, source, path));
-- Blobs that points of a series show (pictures, sounds): as text of their own, so that the garbage collection sees that they are needed.
CREATE TABLE trk_media_blob (series BIGINT NOT NULL, blob TEXT NOT NULL, PRIMARY KEY (series, blob));
