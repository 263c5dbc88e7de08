-- What was computed of stored weight files. Digests are bytes, not text: an index is no claim, and must not keep a blob from the garbage collection.
CREATE TABLE blb_weights (
    blob BLOB PRIMARY KEY,
    format TEXT, -- null = no weight file
    indexed_ms BIGINT NOT NULL
);
CREATE TABLE blb_tensor (
    blob BLOB NOT NULL,
    idx BIGINT NOT NULL,
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (blob, idx)
) WITHOUT ROWID;
-- Stretches of whole blobs that other contents can be made of.
CREATE TABLE blb_part (
    digest BLOB NOT NULL,
    blob BLOB NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    PRIMARY KEY (digest, blob)
) WITHOUT ROWID;
CREATE INDEX blb_part_blob ON blb_part (blob);
