-- What was computed of stored weight files. Digests are bytes, not text: an index is no claim, and must not keep a blob from the garbage collection.
CREATE TABLE blb_weights (
    blob BYTEA PRIMARY KEY,
    format TEXT, -- null = no weight file
    indexed_ms BIGINT NOT NULL
);
CREATE TABLE blb_tensor (
    blob BYTEA NOT NULL,
    idx BIGINT NOT NULL,
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (blob, idx)
);
-- Stretches of whole blobs that other contents can be made of.
CREATE TABLE blb_part (
    digest BYTEA NOT NULL,
    blob BYTEA NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    PRIMARY KEY (digest, blob)
);
CREATE INDEX blb_part_blob ON blb_part (blob);
