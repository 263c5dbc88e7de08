-- Uploads under way. A digest in a text column keeps its blob from the garbage collection: so a blob stays while its upload is remembered.
CREATE TABLE blb_upload (
    id TEXT PRIMARY KEY,
    digest TEXT,
    size BIGINT NOT NULL,
    part_size BIGINT NOT NULL,
    resume_key TEXT,
    actor TEXT NOT NULL,
    project TEXT,
    created_ms BIGINT NOT NULL,
    touched_ms BIGINT NOT NULL,
    completed_ms BIGINT
);
CREATE INDEX blb_upload_touched ON blb_upload (touched_ms);
CREATE INDEX blb_upload_digest ON blb_upload (digest);
CREATE INDEX blb_upload_key ON blb_upload (resume_key);
-- Parts that are on disk.
CREATE TABLE blb_upload_part (
    upload TEXT NOT NULL,
    number BIGINT NOT NULL,
    crc32c BIGINT NOT NULL,
    PRIMARY KEY (upload, number)
);
