-- Files that clients upload in parts. Each part is a blob; when all are there they become one. completed_ms: done, kept for a client that asks again.
CREATE TABLE trk_upload (id TEXT PRIMARY KEY, path TEXT NOT NULL, parts BIGINT NOT NULL, created_ms BIGINT NOT NULL, completed_ms BIGINT);
CREATE TABLE trk_upload_part (upload TEXT NOT NULL, number BIGINT NOT NULL, digest TEXT NOT NULL, size BIGINT NOT NULL, PRIMARY KEY (upload, number));
-- Keys with which links are signed; all replicas use the same.
CREATE TABLE trk_secret (name TEXT PRIMARY KEY, value TEXT NOT NULL);
-- Blobs that an artifact named once and none of that path names any more. SHA-256 as bytes, not as text: the search for mentions of a digest reads texts.
CREATE TABLE trk_garbage (digest BYTEA PRIMARY KEY, since_ms BIGINT NOT NULL);
CREATE INDEX trk_run_deleted ON trk_run (deleted_ms) WHERE deleted_ms IS NOT NULL;
