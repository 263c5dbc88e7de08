-- The tree of artifact paths over the blobs; a directory has no digest.
CREATE TABLE trk_artifact (path TEXT PRIMARY KEY, parent TEXT NOT NULL, digest TEXT, size BIGINT NOT NULL, updated_ms BIGINT NOT NULL);
CREATE INDEX trk_artifact_list ON trk_artifact (parent, path);
